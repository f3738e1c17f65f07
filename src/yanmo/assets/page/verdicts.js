// What every standard says about one pair: probability against threshold, decision, and what was read of the texts.

import { element } from "./element.js";
import { Why } from "./why.js";

const TEXTS = ["文本一", "文本二"];

/** The standards of a model, those of one kind of pair together and the looser one first. */
export class Verdicts {
  #box;
  #groups;

  constructor(box, tasks, pairNow) {
    this.#box = box;
    this.#groups = grouped(tasks).map((group) => groupView(group, pairNow));
    box.replaceChildren(...this.#groups.map((group) => group.view));
  }

  /** Shows the answer for one pair: { task name: { probability, threshold, match, ask, differs, tokens, cut, … } }. */
  show(answers) {
    this.#box.classList.remove("stale");
    for (const { lines, note } of this.#groups) {
      const given = lines.filter(({ task }) => answers[task.name]);
      for (const line of given) showLine(line, answers[line.task.name]);
      for (const { task, why } of lines) why.reset({ hasAnswer: task.name in answers });
      const readings = given.map(({ task }) => ({ task, text: reading(answers[task.name], task.budget) }));
      const same = readings.every(({ text }) => text === readings[0].text);
      const said = same ? readings.slice(0, 1) : readings.map(({ task, text }) => ({ text: `${task.name}：${text}` }));
      note.replaceChildren(...said.map(({ text }) => element("span", {}, text)));
    }
  }

  /** Says that the texts are no longer those the answer was about. */
  age() {
    this.#box.classList.add("stale");
    for (const { lines } of this.#groups) for (const { why } of lines) why.reset({ hasAnswer: false });
  }
}

/** Tasks of one heading together where they name one, else those that imply each other, the looser one first. */
function grouped(tasks) {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  const chain = (task) => {
    const passed = [task];
    for (let next = byName.get(task.implies); next && !passed.includes(next); next = byName.get(next.implies)) {
      passed.push(next);
    }
    return passed;
  };
  const groups = new Map();
  for (const task of tasks) {
    const way = chain(task);
    const key = task.group || way.at(-1).name;
    groups.set(key, [...(groups.get(key) ?? []), { task, depth: task.group ? 0 : way.length }]);
  }
  return [...groups.values()].map((group) => group.sort((a, b) => a.depth - b.depth).map(({ task }) => task));
}

/** The heading of a group and what each title adds to it: its own, or all up to the last mark the titles share. */
function headed(tasks) {
  const titles = tasks.map(({ title }) => title);
  if (tasks[0].group) return { heading: tasks[0].group, rests: titles };
  let n = 0;
  while (n < titles[0].length && titles.every((title) => title[n] === titles[0][n])) n += 1;
  const shared = titles[0].slice(0, n).match(/^.*[·・：:—/ ]/)?.[0] ?? "";
  return { heading: shared.replace(/[·・：:—/ ]+$/, ""), rests: titles.map((title) => title.slice(shared.length)) };
}

function groupView(tasks, pairNow) {
  const { heading, rests } = headed(tasks);
  const lines = tasks.map((task, i) => lineView(task, rests[i], pairNow));
  const note = element("p", { className: "note" });
  const list = element("ul", { className: "lines" }, ...lines.map(({ view }) => view));
  const view = element("section", { className: "group" }, element("div", {}, list, note));
  if (heading) view.prepend(element("h3", {}, heading));
  return { view, lines, note };
}

function lineView(task, title, pairNow) {
  const bar = element("span", { className: "bar" });
  const mark = element("span", { className: "mark" });
  const track = element("span", { className: "track", ariaHidden: "true" }, bar, mark);
  const threshold = element("span", { className: "threshold" });
  const probability = element("span", { className: "probability" }, "—");
  const verdict = element("span", { className: "verdict" });
  const name = element("span", { className: "standard" }, title);
  if (title !== task.name) name.append(" ", element("code", {}, task.name));
  if (task.asks) name.title = task.asks;
  const scale = element("span", { className: "scale" }, track, threshold);
  const why = new Why(task, pairNow);
  const view = element("li", { className: "line" }, name, scale, probability, verdict, why.button, why.said);
  const line = { task, view, bar, threshold, probability, verdict, why };
  markThreshold(line, task.threshold, 2);
  return line;
}

function markThreshold({ view, threshold }, value, nDigits) {
  view.style.setProperty("--threshold", value);
  threshold.textContent = `阈值 ${value.toFixed(nDigits)}`;
}

function showLine(line, { probability, threshold, match, ask = false, differs }) {
  const { view } = line;
  const nDigits = digitsFor(probability, threshold);
  markThreshold(line, threshold, nDigits);
  view.style.setProperty("--probability", probability);
  view.classList.toggle("match", match && !ask);
  view.classList.toggle("ask", ask);
  line.probability.textContent = probability.toFixed(nDigits);
  line.verdict.textContent = ask ? "请人看" : match ? "匹配" : "不匹配";
  const leaning = ask ? `没有把握，倾向${match ? "匹配" : "不匹配"}` : "";
  line.verdict.title = differs ? `两段只差 ${differs.join("、")}，而这个标准要求一致` : leaning;
}

/** Two digits, or as many as it takes to see on which side of the threshold the probability lies. */
function digitsFor(probability, threshold) {
  let n = 2;
  while (n < 6 && probability !== threshold && probability.toFixed(n) === threshold.toFixed(n)) n += 1;
  return n;
}

/**
 * Says how much of each text the model read: `tokens` it saw, `cut` tokens the budget left out, and of how many pieces
 * it knows only whether they are the same (`unknown`).
 */
function reading(answer, budget) {
  if (answer.blank) return "两段都没有可读的内容，因此不匹配。";
  const unknown = TEXTS.map((name, i) => answer.unknown?.[i] && `${name}有 ${count(answer.unknown[i])} 处`).filter(Boolean);
  const note = unknown.length ? `${unknown.join("，")}词表不认识的字。` : "";
  const differs = answer.differs ? `只差 ${answer.differs.join("、")}，而这个标准要求一致，因此不匹配。` : "";
  return lengths(answer, budget) + note + differs;
}

function lengths({ tokens, cut }, { head }) {
  const place = head >= 1 ? "结尾" : head <= 0 ? "开头" : "中间";
  if (!cut[0] && !cut[1]) return `两段都完整读入，${count(tokens[0])} 与 ${count(tokens[1])} 个 token。`;
  const said = TEXTS.map((name, i) => {
    const seen = `${count(tokens[i])} 个 token`;
    return cut[i] ? `${name}太长，只读了 ${seen}，略去${place}的 ${count(cut[i])} 个` : `${name}完整读入，${seen}`;
  });
  return `${said.join("；")}。`;
}

const count = (n) => n.toLocaleString("zh-CN");
