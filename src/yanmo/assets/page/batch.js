// A file of pairs to a CSV file of decisions: in small requests, in the file's order, with no line lost.

import { byId, element, say } from "./element.js";
import { Judge } from "./judge.js";
import { Found, count, showPreview, showProblems, showProgress, showTally } from "./reports.js";
import { FileProblem, inspect, rowsOf, withHeader } from "./rows.js";
import { CsvFile } from "./table.js";

const ENCODINGS = { "utf-8": "UTF-8", gb18030: "GB18030", "utf-16le": "UTF-16", "utf-16be": "UTF-16" };
// Columns of the two texts as the model's tasks name them; known once the tasks are.
let ownPairs = [];
const SCORING = "正在打分…";

/** Makes the file part work; `fail` shows an error and opens the place for the key, `loadTasks` asks for the tasks. */
export function startBatch({ fail, loadTasks }) {
  const status = byId("file-status");
  let file = null;
  let plan = null;
  let inspection = 0;
  let running = null;
  let address = null;

  async function open(chosen) {
    if (running) return say(status, "正在打分；先取消，再换文件。", "error");
    file = chosen;
    plan = null;
    reset();
    byId("plan").hidden = true;
    await look(() => inspect(file, ownPairs));
  }

  /** Makes a plan, counts the rows under it, and shows the first of them. */
  async function look(makePlan) {
    const turn = (inspection += 1);
    byId("start").disabled = true;
    say(status, "正在读文件…", "busy");
    try {
      const made = await makePlan();
      const found = new Found();
      for await (const rows of rowsOf(file, made)) {
        if (turn !== inspection) return;
        for (const row of rows) found.add(row);
      }
      if (turn !== inspection) return;
      plan = { ...made, nRows: found.nRows };
      showPlan(found);
    } catch (error) {
      if (turn === inspection) say(status, told(error), "error");
    }
  }

  function showPlan(found) {
    say(status, `${file.name}：${found}（${plan.format.toUpperCase()}，${ENCODINGS[plan.encoding]}）。`);
    for (const id of ["first", "second"]) {
      const option = (name, i) => element("option", { value: i, selected: i === plan[id] }, name);
      byId(id).replaceChildren(...plan.names.map(option));
    }
    byId("header").checked = plan.header;
    byId("header-choice").hidden = plan.format === "jsonl";
    showPreview(found);
    showProblems(found);
    byId("plan").hidden = false;
    byId("start").disabled = found.nRows === 0;
  }

  /** Reads the choices anew: other columns are another plan. */
  function replan() {
    const [first, second] = ["first", "second"].map((id) => Number(byId(id).value));
    const header = byId("header").checked;
    reset();
    if (first !== second) return look(async () => withHeader({ ...plan, first, second }, header));
    byId("start").disabled = true;
    return say(status, "两段文本不能取自同一列。", "error");
  }

  async function run() {
    let tasks;
    try {
      tasks = await loadTasks();
    } catch (error) {
      return fail(status, error);
    }
    const ticked = [...byId("file-tasks").querySelectorAll(":checked")].map(({ value }) => value);
    const chosen = tasks.filter(({ name }) => ticked.includes(name));
    if (!chosen.length) return say(status, "请至少选一个标准。", "error");
    if (running) return undefined;
    reset();
    running = new AbortController();
    showRunning(true);
    byId("cancel").focus();
    say(status, SCORING, "busy");
    const done = { found: new Found(), nScored: 0, nCut: 0, nMatches: {}, nAsked: {} };
    const table = new CsvFile(plan.names, chosen.map(({ name }) => name));
    const judge = new Judge(chosen, { signal: running.signal, onWait: waiting, onPause: paused });
    const since = Date.now();
    try {
      for await (const rows of judge.judged(rowsOf(file, plan))) {
        for (const row of rows) record(row, chosen, { table, done });
        if (status.classList.contains("busy")) say(status, SCORING, "busy");
        showProgress(done.found.nRows, { of: plan.nRows, since });
      }
      say(status, `完成：${done.found}。`);
    } catch (error) {
      const kept = done.found.nRows ? `已完成的 ${count(done.found.nRows)} 行可以下载。` : "";
      if (running.signal.aborted) say(status, `已取消。${kept}`);
      else say(status, `${told(error)}${kept}`, "error");
    }
    finish(chosen, { table, done });
  }

  function record(row, tasks, { table, done }) {
    done.found.add(row);
    if (row.problem) return table.add(row, { remark: row.problem });
    done.nScored += 1;
    done.nCut += Object.values(row.answers).some(({ cut }) => cut[0] || cut[1]);
    for (const { name } of tasks) {
      const { match, ask } = row.answers[name];
      done.nMatches[name] = (done.nMatches[name] ?? 0) + (match && !ask);
      done.nAsked[name] = (done.nAsked[name] ?? 0) + Boolean(ask);
    }
    return table.add(row, { remark: "" });
  }

  function finish(tasks, { table, done }) {
    // The focus follows only if it is here: people may be typing elsewhere meanwhile.
    const isHere = byId("plan").contains(document.activeElement);
    running = null;
    showRunning(false);
    showProblems(done.found);
    showTally(tasks, done);
    const download = byId("download");
    if (done.found.nRows) {
      address = URL.createObjectURL(table.blob());
      download.href = address;
      download.download = `${file.name.replace(/\.\w+$/, "")}.yanmo.csv`;
      download.hidden = false;
    }
    byId("start").classList.toggle("quiet", !download.hidden);
    if (isHere) (download.hidden ? byId("start") : download).focus();
  }

  function waiting(seconds) {
    say(status, `服务正忙，${Math.ceil(seconds)} 秒后再试…`, "busy");
  }

  /** Stops until the user says to go on: whatever has been scored is kept. */
  function paused(error) {
    fail(status, error);
    const resume = byId("resume");
    resume.hidden = false;
    return new Promise((resolve, reject) => {
      const settle = (end) => () => {
        resume.hidden = true;
        end();
      };
      resume.onclick = settle(() => resolve(say(status, SCORING, "busy")));
      running.signal.addEventListener("abort", settle(reject), { once: true });
    });
  }

  function reset() {
    if (address) URL.revokeObjectURL(address);
    address = null;
    for (const id of ["download", "tally", "problems", "resume"]) byId(id).hidden = true;
    byId("start").classList.remove("quiet");
  }

  byId("plan").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  byId("cancel").addEventListener("click", () => running?.abort());
  for (const id of ["first", "second", "header"]) byId(id).addEventListener("change", replan);
  window.addEventListener("beforeunload", (event) => {
    if (running) event.preventDefault();
  });
  onFile(open);
}

/** Offers the standards to score a file by. */
export function offerTasks(tasks) {
  ownPairs = tasks.filter(({ first, second }) => first && second).map(({ first, second }) => [first, second]);
  const box = ({ name, title }) => {
    const tick = element("input", { type: "checkbox", value: name, checked: true });
    return element("label", { className: "tick" }, tick, ` ${title}`);
  };
  byId("file-tasks").replaceChildren(...tasks.map(box));
}

function showRunning(isRunning) {
  for (const id of ["progress-box", "cancel"]) byId(id).hidden = !isRunning;
  byId("start").hidden = isRunning;
  for (const control of byId("plan").querySelectorAll("select, input")) control.disabled = isRunning;
  byId("file").disabled = isRunning;
  byId("progress").value = 0;
  byId("progress-text").textContent = "";
}

/** What went wrong, if it is for the user; a slip of our own is not dressed up as one of theirs. */
function told(error) {
  if (error instanceof FileProblem) return error.message;
  console.error(error);
  return `页面出错：${error.message}。`;
}

/** Takes a file that is chosen, or dropped anywhere on the page. */
function onFile(open) {
  byId("file").addEventListener("change", ({ target }) => {
    if (target.files[0]) open(target.files[0]);
    target.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      byId("drop").classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
    });
  }
}
