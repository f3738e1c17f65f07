// What a file holds and what came of it, as the page shows it.

import { byId, element } from "./element.js";

const N_PREVIEW = 5;
const N_LISTED = 50;

/** Numbers as people read them. */
export const count = (n) => n.toLocaleString("zh-CN");

/** How many rows there are, how many are bad, the first good ones and the first bad ones. */
export class Found {
  nRows = 0;
  nBad = 0;
  first = [];
  problems = [];

  add(row) {
    this.nRows += 1;
    if (row.problem === undefined) {
      if (this.first.length < N_PREVIEW) this.first.push(row);
      return;
    }
    this.nBad += 1;
    if (this.problems.length < N_LISTED) this.problems.push(row);
  }

  toString() {
    return `${count(this.nRows)} 行${this.nBad ? `，其中 ${count(this.nBad)} 行有问题` : ""}`;
  }
}

export function showPreview({ first }) {
  const cell = (text) => element("td", {}, element("div", {}, text.slice(0, 300)));
  const rows = first.map(({ line, text0, text1 }) => element("tr", {}, ...[String(line), text0, text1].map(cell)));
  byId("preview-caption").textContent = `前 ${first.length} 对`;
  byId("preview").replaceChildren(...rows);
}

export function showProblems({ problems, nBad }) {
  const more = nBad > problems.length ? `，列出前 ${problems.length} 行，其余见下载的 CSV` : "";
  const entry = ({ line, problem }) => element("li", {}, element("b", {}, `第 ${line} 行`), ` ${problem}`);
  byId("problems-heading").textContent = `${count(nBad)} 行有问题${more}`;
  byId("problems-list").replaceChildren(...problems.map(entry));
  byId("problems").hidden = nBad === 0;
}

export function showProgress(nDone, { of, since }) {
  const left = Math.round(((Date.now() - since) / 1000 / nDone) * (of - nDone));
  const wait = left >= 90 ? `${Math.round(left / 60)} 分钟` : `${left} 秒`;
  byId("progress").value = nDone / of;
  byId("progress-text").textContent = `${count(nDone)} / ${count(of)} 行，约剩 ${wait}`;
}

/** Matches of each task, and what the user should look at. */
export function showTally(tasks, { nMatches, nAsked, nScored, nCut }) {
  const asked = (name) => (nAsked[name] ? `，${count(nAsked[name])} 请人看` : "");
  const entries = tasks.map(({ name, title }) => [
    title,
    `${count(nMatches[name] ?? 0)} / ${count(nScored)} 匹配${asked(name)}`,
  ]);
  if (nCut) entries.push(["有文本未读完", `${count(nCut)} 对`]);
  const lines = entries.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  byId("tally").replaceChildren(...lines);
  byId("tally").hidden = nScored === 0;
}
