// Rows to rows with answers: in requests of a fitting size, and down to the one line a refusal is about.

import { decide } from "./service.js";

// A request should take about a second: long enough to be worth its while, short enough to be cancelled.
const TARGET_SECONDS = 1;
const MAX_PAIRS = 64;
const MAX_CHARACTERS = 100_000;
// The service refused what was sent, not the moment it was sent at: smaller requests find the line it is about.
const ABOUT_THE_PAIRS = [400, 413, 422, 500, 504];

/** Rows to rows with answers or problems, by requests as large as the service answers in good time. */
export class Judge {
  #tasks;
  #options;
  #onPause;
  #nPairs = 8;

  constructor(tasks, { signal, onWait, onPause }) {
    this.#tasks = tasks.map(({ name }) => name);
    this.#options = { signal, onWait };
    this.#onPause = onPause;
  }

  async *judged(pieces) {
    let waiting = [];
    for await (const rows of pieces) {
      waiting = waiting.concat(rows);
      while (waiting.length >= this.#nPairs) yield await this.#judge(waiting.splice(0, this.#fitting(waiting)));
    }
    while (waiting.length) yield await this.#judge(waiting.splice(0, this.#fitting(waiting)));
  }

  #fitting(rows) {
    let n = 0;
    for (let size = 0; n < Math.min(rows.length, this.#nPairs); n += 1) {
      size += (rows[n].text0?.length ?? 0) + (rows[n].text1?.length ?? 0);
      if (n && size > MAX_CHARACTERS) break;
    }
    return n;
  }

  async #judge(rows) {
    const good = rows.filter((row) => !row.problem);
    const begin = performance.now();
    const answers = good.length ? await this.#ask(good) : [];
    const seconds = (performance.now() - begin) / 1000;
    if (seconds > 2 * TARGET_SECONDS) this.#nPairs = Math.max(1, this.#nPairs >> 1);
    if (seconds < TARGET_SECONDS / 2) this.#nPairs = Math.min(MAX_PAIRS, this.#nPairs * 2);
    let next = 0;
    return rows.map((row) => (row.problem ? row : { ...row, ...answers[next++] }));
  }

  async #ask(rows) {
    for (;;) {
      try {
        const pairs = rows.map(({ text0, text1 }) => ({ text0, text1 }));
        const results = await decide(pairs, { tasks: this.#tasks, ...this.#options });
        return results.map(({ tasks }) => ({ answers: tasks }));
      } catch (error) {
        if (this.#options.signal.aborted) throw error;
        if (!ABOUT_THE_PAIRS.includes(error.status)) await this.#onPause(error);
        else if (rows.length === 1) return [{ problem: error.message }];
        else {
          const half = rows.length >> 1;
          return [...(await this.#ask(rows.slice(0, half))), ...(await this.#ask(rows.slice(half)))];
        }
      }
    }
  }
}
