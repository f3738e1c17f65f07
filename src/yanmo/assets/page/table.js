// The CSV file people download: opens in Excel with its characters right, and with no cell that runs.

// Kept as text until it is this long, then handed to the browser, which may put it on the disk.
const MAX_TEXT = 1 << 20;

/** Line number, the file's own columns, probability and decision under each task, and a remark. */
export class CsvFile {
  #tasks;
  #blobs = [];
  #text;

  constructor(names, tasks) {
    this.#tasks = tasks;
    const judged = tasks.flatMap((task) => [`${task} 概率`, `${task} 匹配`]);
    this.#text = `\ufeff${csvLine(["行", ...names, ...judged, "备注"])}`;
    this.nColumns = names.length;
  }

  /** Adds a row { line, cells, answers }; without answers its decisions stay empty. */
  add({ line, cells, answers }, { remark }) {
    const own = Array.from({ length: this.nColumns }, (_, i) => cells[i] ?? "");
    // What a row has too many of is kept too, in its last cell.
    if (cells.length > own.length) own.push(`${own.pop()},${cells.slice(own.length + 1).join(",")}`);
    const judged = this.#tasks.flatMap((task) =>
      answers ? [answers[task].probability.toFixed(6), answerOf(answers[task])] : ["", ""],
    );
    this.#text += csvLine([String(line), ...own, ...judged, remark]);
    if (this.#text.length < MAX_TEXT) return;
    this.#blobs.push(new Blob([this.#text]));
    this.#text = "";
  }

  blob() {
    return new Blob([...this.#blobs, this.#text], { type: "text/csv;charset=utf-8" });
  }
}

/** 1 or 0, or a question mark where a person should decide. */
const answerOf = ({ match, ask }) => (ask ? "?" : match ? "1" : "0");

const csvLine = (cells) => `${cells.map(csvCell).join(",")}\r\n`;

/** A spreadsheet runs what begins with = + - @; an apostrophe before it makes it text. Plain numbers stay numbers. */
function csvCell(text) {
  const runs = /^[=+\-@\t\r＝＋－＠]/.test(text) && !/^[+-]?\d+(\.\d+)?$/.test(text);
  const safe = runs ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
