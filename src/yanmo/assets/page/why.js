// Why a standard says what it says of a pair: asked of the service when a person wants to know, told below the line.

import { element } from "./element.js";
import { explain } from "./service.js";

/** A button and a paragraph for one standard; `pairNow` gives the texts that its answer is about. */
export class Why {
  #task;
  #pairNow;
  #current = null;

  constructor(task, pairNow) {
    this.#task = task;
    this.#pairNow = pairNow;
    this.button = element("button", { type: "button", className: "why", hidden: true }, "为什么");
    this.button.ariaLabel = `为什么：${task.title}`;
    this.said = element("p", { className: "because", hidden: true });
    this.said.setAttribute("role", "status");
    this.button.addEventListener("click", () => this.#ask());
  }

  /** There is a new answer, or none any more: what was said of the last one goes. */
  reset({ hasAnswer }) {
    this.#current?.abort();
    this.button.hidden = !hasAnswer;
    this.said.hidden = true;
  }

  async #ask() {
    this.#current?.abort();
    const { signal } = (this.#current = new AbortController());
    this.said.hidden = false;
    this.said.textContent = "正在试着去掉一些字…";
    try {
      const found = await explain(this.#pairNow(), this.#task.name, { signal });
      this.said.replaceChildren(...sentences(found));
    } catch (error) {
      if (!signal.aborted) this.said.textContent = error.message;
    }
  }
}

function sentences({ match, turns, words, share, probability_without: without, differences }) {
  const said = [];
  if (turns) {
    const named = words.flatMap(({ text }) => ["“", element("b", {}, text), "”"]);
    const percent = Math.max(1, Math.round(share * 100));
    said.push("去掉", ...named, `（${percent} % 的字）就成了${match ? "不匹配" : "匹配"}，概率 ${without.toFixed(2)}。`);
  } else said.push("在至多 15 % 的字里，没有找到去掉就让判断改变的词。");
  for (const { title, text0, text1 } of differences) said.push(`${title}不同：${text0 || "无"}／${text1 || "无"}。`);
  return said;
}
