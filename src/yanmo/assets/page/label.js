// Labelling: one key an answer. The next question comes with the reply, which is sent once the answer is on the disk.

import { byId, element, say } from "./element.js";
import { ask, keepKey, readKey } from "./service.js";

const KEYS = { 1: "yes", y: "yes", j: "yes", 0: "no", n: "no", f: "no", s: "later", u: "undo" };
const SVG = "http://www.w3.org/2000/svg";

let now = null; // what the service said last
let busy = false; // an answer is under way: a second key would answer a question that nobody has read
let turn = 0; // counts answers, so that a look at the state from before one is not shown after it

async function send(path, body) {
  if (busy) return;
  busy = true;
  turn += 1;
  try {
    show(await ask(path, body === undefined ? {} : { body }));
  } catch (error) {
    say(byId("status"), error.message, "error");
    byId("access").hidden = !error.wantsKey && !readKey();
    byId("access").open = Boolean(error.wantsKey);
    // Another tab may have answered: what is asked now is whatever the service asks now.
    if (error.status === 422) await refresh(error.message);
  } finally {
    busy = false;
  }
}

async function refresh(message) {
  try {
    show(await ask("v1/label", {}));
    say(byId("status"), message, "error");
  } catch {
    // The message of the first error stands.
  }
}

/** Looks whether the learning has ended; keys go on meanwhile, and the question being read stays. */
async function look() {
  const before = turn;
  try {
    const state = await ask("v1/label", {});
    if (before === turn) show({ ...state, question: now?.question ?? state.question });
  } catch {
    // The next answer will say what is wrong.
  }
}

const ACTIONS = {
  yes: () => now?.question && send("v1/label/answer", { place: now.question.place, label: 1 }),
  no: () => now?.question && send("v1/label/answer", { place: now.question.place, label: 0 }),
  later: () => now?.question && send("v1/label/later", { place: now.question.place }),
  undo: () => now?.answers && send("v1/label/undo", {}),
};

function show(state) {
  now = state;
  byId("task").textContent = state.task;
  byId("asks").textContent = state.asks;
  byId("out").textContent = state.out;
  const question = state.question;
  showTexts(question?.text0 ?? "", question?.text1 ?? "");
  for (const id of ["yes", "no", "later"]) byId(id).disabled = !question;
  byId("undo").disabled = !state.answers;
  if (question) say(byId("status"), state.problem ?? (state.learning ? "正在学习，可以接着标。" : ""), state.problem ? "error" : "busy");
  else say(byId("status"), "这一批都标完了。", "");
  byId("counts").textContent =
    `已标 ${state.answers} 对，其中 ${state.matches} 对匹配；还可以问 ${state.left} 对。`;
  showCurve(state.curve);
  byId("advice").className = state.enough ? "note enough" : "note";
  byId("advice").textContent = advice(state);
  clearTimeout(show.waiting);
  if (state.learning) show.waiting = setTimeout(look, 1500);
}

function advice(state) {
  if (state.enough) {
    return `最近两次学习几乎没有改变判断，再标多半不划算。停下后运行：yanmo standard learn 模型 ${state.out} --name ${state.task} --out 新目录`;
  }
  if (state.curve.length) return `满 ${nextRound(state)} 个回答时再学习一次。`;
  return "两种各有两对之后开始学习，每十个回答一次。";
}

const nextRound = (state) => (state.curve.at(-1)?.answers ?? 0) + 10;

/** Marks in each text the runs of characters that the other has not: what differs is what is to be judged. */
function showTexts(text0, text1) {
  byId("text0").replaceChildren(...marked(text0, text1));
  byId("text1").replaceChildren(...marked(text1, text0));
}

function marked(text, other) {
  const known = new Set(other);
  const parts = [];
  for (const character of text) {
    const differs = other !== "" && !known.has(character) && /[\p{L}\p{N}]/u.test(character);
    const last = parts.at(-1);
    if (last && last.differs === differs) last.text += character;
    else parts.push({ text: character, differs });
  }
  return parts.map((part) => (part.differs ? element("mark", {}, part.text) : part.text));
}

function showCurve(curve) {
  byId("curve-box").hidden = curve.length === 0;
  if (!curve.length) return;
  const [width, height, left, bottom] = [600, 200, 48, 28];
  const most = Math.max(curve.at(-1).answers, 20);
  const x = (answers) => left + (answers / most) * (width - left - 12);
  const y = (share) => (1 - share) * (height - bottom - 12) + 12;
  const points = curve.map((each) => [x(each.answers), y(each.f1)]);
  const parts = [
    draw("line", { class: "axis", x1: left, y1: y(0), x2: width - 12, y2: y(0) }),
    draw("line", { class: "axis", x1: left, y1: y(0), x2: left, y2: y(1) }),
    draw("text", { x: 8, y: y(1) + 5 }, "1.0"),
    draw("text", { x: 8, y: y(0) }, "0"),
    draw("text", { x: width - 90, y: height - 6 }, `${most} 个回答`),
    draw("polyline", { class: "line", points: points.map((point) => point.join(",")).join(" ") }),
    ...points.map(([cx, cy]) => draw("circle", { class: "dot", cx, cy, r: 3.5 })),
  ];
  byId("curve").replaceChildren(...parts);
  const last = curve.at(-1);
  const moved = last.changed === null ? "" : `，这次学习改变了 ${(last.changed * 100).toFixed(1)}% 的判断`;
  byId("curve-caption").textContent =
    `预计 F1（红线）现在 ${last.f1.toFixed(2)}，预计判对 ${(last.accuracy * 100).toFixed(0)}%${moved}。预计是模型自己的，不是实测。`;
}

function draw(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

for (const [name, act] of Object.entries(ACTIONS)) byId(name).addEventListener("click", act);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target instanceof HTMLInputElement) return;
  const name = KEYS[event.key.toLowerCase()];
  if (!name) return;
  event.preventDefault();
  ACTIONS[name]();
});
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepKey(byId("key").value.trim());
  byId("key").value = "";
  send("v1/label");
});
send("v1/label");
