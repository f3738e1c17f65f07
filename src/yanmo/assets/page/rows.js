// Rows out of a file, piece by piece: its encoding, its format, its columns, and every bad line by its number.

const PIECE = 1 << 18;
const MAX_LINE = 1 << 24;
// A quote that stays open longer than this is taken for a slip, not for a text.
const MAX_OPEN_LINES = 1000;
const MAX_OPEN_SIZE = 1 << 20;

// As in yanmo.data.columns, and the names of the service's own fields.
const KNOWN_PAIRS = [
  ["source", "target"], ["text0", "text1"], ["text1", "text2"], ["sentence1", "sentence2"], ["text_a", "text_b"],
  ["sentence_a", "sentence_b"], ["query", "title"], ["query", "passage"], ["query", "document"], ["query1", "query2"],
  ["question1", "question2"], ["q1", "q2"], ["s1", "s2"], ["sent1", "sent2"], ["premise", "hypothesis"],
  ["文本1", "文本2"], ["文本一", "文本二"], ["句子1", "句子2"],
];

/** A file that cannot be read at all. */
export class FileProblem extends Error {}

/**
 * Looks at a file and plans how to read it.
 *
 * `ownPairs` are pairs of column names that the model itself reads; they go before the customary ones.
 * Returns { encoding, damaged, format, names, first, second, header }: `names` are its columns, `first` and `second`
 * places in them, and `damaged` says that some bytes fit neither encoding.
 */
export async function inspect(file, ownPairs = []) {
  await refuseBinary(file);
  const plan = { ...(await encodingOf(file)), format: null };
  const format = formatOf(file.name, await firstLine(file, plan));
  for await (const records of recordsOf(file, { ...plan, format })) {
    const sample = records.find((record) => !record.problem);
    if (sample) return planFor({ ...plan, format }, sample, ownPairs);
  }
  throw new FileProblem("文件里没有一行能读的文本。");
}

/** The same plan with another answer to whether the first row is a header. */
export const withHeader = (plan, header) => ({ ...plan, header, names: header ? plan.cells : numbered(plan.cells) });

/** Gives arrays of rows { line, cells, text0, text1 } or { line, cells, problem }, in the order of the file. */
export async function* rowsOf(file, plan) {
  let headerPassed = !plan.header;
  for await (const records of recordsOf(file, plan)) {
    const rows = [];
    for (const record of records) {
      if (!headerPassed && !record.problem) headerPassed = true;
      else rows.push(rowOf(record, plan));
    }
    yield rows;
  }
}

async function refuseBinary(file) {
  if (!file.size) throw new FileProblem("文件是空的。");
  const head = new Uint8Array(await bytesOf(file, 0, 4));
  const starts = (...bytes) => bytes.every((byte, i) => head[i] === byte);
  if (starts(0x50, 0x4b)) throw new FileProblem("这是 Excel 工作簿或压缩包。请另存为“CSV UTF-8”再选。");
  if (starts(0x1f, 0x8b) || starts(0x28, 0xb5, 0x2f) || starts(0xfd, 0x37)) throw new FileProblem("请先解压这个文件。");
}

async function encodingOf(file) {
  const head = new Uint8Array(await bytesOf(file, 0, 2));
  if (head[0] === 0xff && head[1] === 0xfe) return { encoding: "utf-16le", damaged: false };
  if (head[0] === 0xfe && head[1] === 0xff) return { encoding: "utf-16be", damaged: false };
  const faults = {};
  for (const encoding of ["utf-8", "gb18030"]) {
    faults[encoding] = await countFaults(file, encoding);
    if (!faults[encoding]) return { encoding, damaged: false };
  }
  return { encoding: faults["utf-8"] <= faults.gb18030 ? "utf-8" : "gb18030", damaged: true };
}

/** Counts what does not decode: 0 if all does, even where the text itself holds U+FFFD. */
async function countFaults(file, encoding) {
  const strict = new TextDecoder(encoding, { fatal: true });
  const lenient = new TextDecoder(encoding);
  let sound = true;
  let n = 0;
  const decode = (...given) => {
    n += lenient.decode(...given).split("\ufffd").length - 1;
    try {
      if (sound) strict.decode(...given);
    } catch {
      sound = false;
    }
  };
  for (let start = 0; start < file.size; start += PIECE) {
    decode(await bytesOf(file, start, start + PIECE), { stream: true });
  }
  decode();
  return sound ? 0 : n;
}

async function bytesOf(file, start, end) {
  try {
    return await file.slice(start, end).arrayBuffer();
  } catch {
    throw new FileProblem("文件读不出来：它可能已被移动、删除或改动。请重新选择。");
  }
}

async function firstLine(file, plan) {
  const text = new TextDecoder(plan.encoding).decode(await bytesOf(file, 0, PIECE));
  return text.split(/\r\n|\n|\r/).find((line) => line.trim()) ?? "";
}

function formatOf(name, line) {
  const suffix = name.toLowerCase().match(/\.(\w+)$/)?.[1];
  if (["jsonl", "ndjson", "json"].includes(suffix)) return "jsonl";
  if (suffix === "tsv") return "tsv";
  if (suffix !== "csv" && line.trimStart().startsWith("{")) return "jsonl";
  // Several public sets are called .csv and are separated by tabs.
  return line.includes("\t") && (suffix !== "csv" || !line.includes(",")) ? "tsv" : "csv";
}

const numbered = (cells) => cells.map((_, i) => `第 ${i + 1} 列`);

function planFor(plan, sample, ownPairs) {
  const cells = plan.format === "jsonl" ? Object.keys(sample.values) : sample.values.map((cell) => cell.trim());
  if (cells.length < 2) throw new FileProblem("每行至少要有两列，才有两段文本可比。");
  const spelled = cells.map((name) => name.toLowerCase());
  const pairs = [...ownPairs.map((pair) => pair.map((name) => name.toLowerCase())), ...KNOWN_PAIRS];
  const known = pairs.find((pair) => pair.every((name) => spelled.includes(name)));
  const isText = (i) => plan.format !== "jsonl" || typeof sample.values[cells[i]] === "string";
  const textsFirst = [...cells.keys()].sort((a, b) => isText(b) - isText(a));
  const [first, second] = known?.map((name) => spelled.indexOf(name)) ?? textsFirst;
  const header = plan.format !== "jsonl" && known !== undefined;
  return { ...plan, cells, first, second, header, names: header || plan.format === "jsonl" ? cells : numbered(cells) };
}

function rowOf(record, plan) {
  const { line, raw } = record;
  if (record.problem) return { line, cells: [raw], problem: record.problem };
  if (plan.damaged && raw.includes("\ufffd")) return { line, cells: [raw], problem: `有不属于 ${plan.encoding} 的字节` };
  const isJson = plan.format === "jsonl";
  const cells = isJson ? plan.names.map((name) => shown(record.values[name])) : record.values;
  if (!isJson && cells.length !== plan.names.length) {
    return { line, cells, problem: `有 ${cells.length} 列，第一行有 ${plan.names.length} 列` };
  }
  const texts = [plan.first, plan.second].map((i) => (isJson ? record.values[plan.names[i]] : cells[i]));
  for (const [i, text] of texts.entries()) {
    const name = plan.names[[plan.first, plan.second][i]];
    if (text === undefined) return { line, cells: [raw], problem: `没有“${name}”` };
    if (typeof text !== "string") return { line, cells, problem: `“${name}”不是文本` };
    if (/\p{Cs}/u.test(text)) return { line, cells, problem: `“${name}”里有半个字符（单独的代理码位）` };
  }
  return { line, cells, text0: texts[0], text1: texts[1] };
}

const shown = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

async function* recordsOf(file, plan) {
  const decoder = new TextDecoder(plan.encoding);
  const reader = new Records(plan.format);
  for (let start = 0; start < file.size; start += PIECE) {
    const bytes = await bytesOf(file, start, start + PIECE);
    yield [...reader.take(decoder.decode(bytes, { stream: true }))];
  }
  yield [...reader.end(decoder.decode())];
}

/** Records { line, raw, values } or { line, raw, problem } out of pieces of text. */
class Records {
  #parse;
  #rest = "";
  #line = 0;
  #open = [];

  constructor(format) {
    this.#parse = { jsonl: parseJson, csv: parseCsv, tsv: parseTsv }[format];
  }

  *take(piece) {
    const text = this.#rest + piece;
    // A carriage return at the end may be the first half of a line end.
    const whole = text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, whole).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + text.slice(whole);
    if (this.#rest.length > MAX_LINE) throw new FileProblem("有一行超过 1600 万字符。若是一整个 JSON 列表，请改成每行一个对象。");
    for (const line of lines) yield* this.#add({ line: (this.#line += 1), raw: line });
  }

  *end(piece) {
    yield* this.take(`${piece}\n`);
    while (this.#open.length) yield* this.#giveUp();
  }

  *#add(line) {
    if (!this.#open.length && !line.raw.trim()) return;
    this.#open.push(line);
    if (this.#open.length > 1 && !line.raw.includes('"') && this.#open.length < MAX_OPEN_LINES) return;
    const raw = this.#open.map((part) => part.raw).join("\n");
    const parsed = this.#parse(raw, this.#open[0].line);
    if (parsed.values || (parsed.problem && this.#open.length === 1)) {
      yield { line: this.#open[0].line, raw, ...parsed };
      this.#open = [];
    } else if (parsed.problem || this.#open.length >= MAX_OPEN_LINES || raw.length > MAX_OPEN_SIZE) {
      yield* this.#giveUp();
    }
  }

  /** Turns down the line that opened a quote, and reads those after it anew: they may be whole. */
  *#giveUp() {
    const [bad, ...others] = this.#open;
    this.#open = [];
    yield { ...bad, problem: "引号没有闭合" };
    for (const line of others) yield* this.#add(line);
  }
}

function parseJson(text, line) {
  try {
    const values = JSON.parse(text);
    if (values !== null && typeof values === "object" && !Array.isArray(values)) return { values };
    return { problem: "不是 JSON 对象" + (line === 1 && Array.isArray(values) ? "；请改成每行一个对象" : "") };
  } catch {
    return { problem: text.trimStart().startsWith("[") ? "不是每行一个对象的 JSONL" : "不是 JSON" };
  }
}

/** Tabs separate; quotes are ordinary except around a whole, properly quoted cell. */
function parseTsv(text) {
  const unquoted = (cell) => (/^"([^"]|"")*"$/.test(cell) ? cell.slice(1, -1).replaceAll('""', '"') : cell);
  return { values: text.split("\t").map(unquoted) };
}

/** Gives { values }, { problem }, or nothing while a quote is open. */
function parseCsv(text) {
  const values = [];
  for (let at = 0; ; at += 1) {
    let cell = "";
    if (text[at] === '"') {
      for (;;) {
        const end = text.indexOf('"', at + 1);
        if (end < 0) return {};
        cell += text.slice(at + 1, end);
        at = end + 1;
        if (text[at] !== '"') break;
        cell += '"';
      }
      if (at < text.length && text[at] !== ",") return { problem: "引号后面还有文字；引号内的引号要写两遍" };
    } else {
      const end = text.indexOf(",", at);
      cell = text.slice(at, end < 0 ? text.length : end);
      at = end < 0 ? text.length : end;
    }
    values.push(cell);
    if (at >= text.length) return { values };
  }
}
