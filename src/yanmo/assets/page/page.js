// The page of `yanmo serve`: one pair under every standard at once; files of pairs are in batch.js.

import { offerTasks, startBatch } from "./batch.js";
import { byId, element, say } from "./element.js";
import { decide, keepKey, listTasks, readKey } from "./service.js";
import { Verdicts } from "./verdicts.js";

// How often one pair waits for a busy service before it says so.
const PATIENCE = 5;
const EXAMPLES = [
  { name: "同一类东西，一褒一贬", texts: ["这本书很好看，孩子一口气读完了", "这本书太难看了，翻了两页就放下了"] },
  { name: "同一事件", texts: ["台风登陆广东，多地停课", "台风“海葵”登陆广东，深圳等地学校停课"] },
  { name: "同一话题，两件事", texts: ["央行宣布下调存款准备金率0.5个百分点", "央行连续三个月增持黄金"] },
  { name: "字同题不同", texts: ["沪深股市尾盘集体跳水，逾四千只个股下跌", "十五岁小将在跳水世界杯女子十米台决赛中夺冠"] },
  {
    name: "一短一长",
    texts: [
      "石榴路更换供水主管，14个小区夜间停水",
      "因石榴路供水主管老化需要更换，临泉水务公司定于10月15日22时至16日8时，对石榴路以东、春申街以" +
        "北、铁路线以南区域暂停供水，涉及金桂苑、水岸华庭、第二中学家属院等14个小区，约5200户居民。施工" +
        "期间，公司在金桂苑北门和春申街社区服务站各安排一台送水车，高龄独居和行动不便的住户可拨打供水热线预约" +
        "送水上门。恢复供水时，个别用户家中可能出现短时水黄、气泡现象，打开水龙头放水几分钟后即可正常使用。据" +
        "介绍，这段管道铺设于三十多年前，近两年先后爆管六次，路面也因此多次开挖。更换之后，管径由原来的四百毫" +
        "米增至八百毫米，沿线高层住宅夏季傍晚水压不足的情况有望得到缓解。工程分三期进行，下一期将在年底前完成" +
        "春申街以南的改造，届时仍安排在夜间施工，以减少对居民用水和早晚高峰交通的影响。",
    ],
  },
];

const texts = [byId("text0"), byId("text1")];
const pairStatus = byId("pair-status");
let service = null;
let verdicts = null;
let current = null;

const pairNow = () => ({ text0: texts[0].value, text1: texts[1].value });

/** Asks for the tasks once; a failure is thrown and asked about again next time. */
async function tasksOfService() {
  if (service) return service.tasks;
  service = await listTasks();
  byId("model").textContent = service.model;
  verdicts = new Verdicts(byId("verdicts"), service.tasks, pairNow);
  offerTasks(service.tasks);
  return service.tasks;
}

async function score() {
  const empty = texts.findIndex((text) => !text.value.trim());
  for (const [i, text] of texts.entries()) text.ariaInvalid = String(i === empty);
  if (empty >= 0) {
    say(pairStatus, `请填写${["文本一", "文本二"][empty]}。`, "error");
    texts[empty].focus();
    return;
  }
  current?.abort();
  const { signal } = (current = new AbortController());
  const begin = performance.now();
  say(pairStatus, "正在打分…", "busy");
  try {
    const tasks = await tasksOfService();
    const pair = pairNow();
    const onWait = (seconds) => say(pairStatus, `服务正忙，${Math.ceil(seconds)} 秒后再试…`, "busy");
    const [{ tasks: answers }] = await decide([pair], { signal, onWait, patience: PATIENCE });
    verdicts.show(answers);
    const nMatches = tasks.filter(({ name }) => answers[name]?.match && !answers[name].ask).length;
    const seconds = ((performance.now() - begin) / 1000).toFixed(2);
    say(pairStatus, `${tasks.length} 个标准中，${nMatches} 个判为匹配。用时 ${seconds} 秒。`);
  } catch (error) {
    if (!signal.aborted) fail(pairStatus, error);
  }
}

/** Shows an error, and the place for the key if that is what it is about; nobody's typing is led astray. */
function fail(line, error) {
  say(line, error.message, "error");
  if (!error.wantsKey) return;
  byId("access").open = true;
  const typing = texts.includes(document.activeElement) && line !== pairStatus;
  if (!typing) byId("key").focus();
}

function showKeyState() {
  byId("key-state").textContent = readKey() ? "已设" : "未设";
}

function age() {
  current?.abort();
  verdicts?.age();
  say(pairStatus, pairStatus.textContent && !pairStatus.classList.contains("error") ? "文本已改动，请重新打分。" : "");
}

function showCounts() {
  for (const [i, text] of texts.entries()) {
    const n = [...text.value].length;
    byId(`count${i}`).textContent = n ? `${n.toLocaleString("zh-CN")} 字` : "";
  }
}

function fill(values) {
  for (const [i, text] of texts.entries()) text.value = values[i];
  showCounts();
  score();
}

startBatch({ fail, loadTasks: tasksOfService });

byId("pair-form").addEventListener("submit", (event) => {
  event.preventDefault();
  score();
});
for (const text of texts) {
  text.addEventListener("input", () => {
    showCounts();
    age();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    score();
  });
}
for (const { name, texts: values } of EXAMPLES) {
  const button = element("button", { type: "button", className: "example" }, name);
  button.addEventListener("click", () => fill(values));
  byId("examples").append(button);
}
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("key").value.trim();
  if (/[^\x21-\x7e]/.test(key)) {
    say(pairStatus, "密钥只能由英文字母、数字和符号组成。", "error");
    return;
  }
  keepKey(key);
  showKeyState();
  say(pairStatus, key ? "密钥已设。" : "不用密钥。");
  tasksOfService().catch((error) => fail(pairStatus, error));
});

showKeyState();
showCounts();
tasksOfService().catch((error) => fail(pairStatus, error));
