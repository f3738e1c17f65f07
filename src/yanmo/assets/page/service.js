// Requests to the service: the key, what its errors mean, and patience while it is busy.

const STORED_KEY = "yanmo.key";
const MEANINGS = {
  0: "连不上服务。它可能已经停止：重新运行 yanmo serve，再试一次",
  400: "服务不接受这个请求",
  401: "服务要求 API 密钥，请在页首填写",
  403: "服务不接受这个密钥",
  404: "服务没有这个接口",
  413: "文本太大，超过了服务的上限",
  422: "服务不接受这个请求",
  429: "服务正忙",
  500: "服务内部出错",
  502: "服务暂时没有回应",
  503: "服务暂时不可用",
  504: "打分超时",
};

/** What the service refused, in words for people; `status` is 0 if there was no answer at all. */
export class ServiceError extends Error {
  constructor(status, { told = {}, retryAfter = null, hadKey = false } = {}) {
    const meaning = status === 401 && hadKey ? "API 密钥不对" : (MEANINGS[status] ?? `服务答以状态 ${status}`);
    // How a program sends its key does not help the person at the page.
    const words = status === 401 ? [] : [told.message, told.fix];
    super([meaning, ...words].filter(Boolean).map((part) => part.replace(/[。.]$/, "")).join("。") + "。");
    this.status = status;
    this.retryAfter = retryAfter;
  }

  get wantsKey() {
    return this.status === 401 || this.status === 403;
  }
}

export const readKey = () => sessionStorage.getItem(STORED_KEY) ?? "";

/** Keeps the key for this tab only; an empty one is forgotten. */
export function keepKey(key) {
  if (key) sessionStorage.setItem(STORED_KEY, key);
  else sessionStorage.removeItem(STORED_KEY);
}

export const listTasks = () => ask("v1/tasks", {});

/**
 * Scores pairs, and waits as long as the service asks for while it is busy.
 *
 * `onWait` is told the seconds of each wait; after `patience` waits the error is thrown.
 */
export async function decide(pairs, { tasks, signal, onWait, patience = Infinity }) {
  for (let nWaits = 0; ; nWaits += 1) {
    try {
      const answer = await ask("v1/decide", { body: tasks ? { pairs, tasks } : { pairs }, signal });
      if (answer.results?.length !== pairs.length) throw new ServiceError(502);
      return answer.results;
    } catch (error) {
      const isBusy = error.status === 429 || (error.status === 503 && error.retryAfter !== null);
      if (!isBusy || nWaits >= patience) throw error;
      const seconds = error.retryAfter ?? Math.min(2 ** nWaits, 30);
      onWait?.(seconds);
      await pause(seconds, signal);
    }
  }
}

/** Asks which words the answer of one standard on a pair hangs on. */
export const explain = (pair, task, { signal }) => ask("v1/explain", { body: { ...pair, task }, signal });

/** Asks the service; a body makes it a POST. */
export async function ask(path, { body, signal }) {
  const key = readKey();
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const request = body ? { method: "POST", body: JSON.stringify(body) } : {};
  if (body) headers["Content-Type"] = "application/json";
  let response;
  let answer = null;
  try {
    response = await fetch(path, { ...request, headers, signal, cache: "no-store" });
    answer = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    // A proxy's error page is no JSON, and its status still tells; an answer broken off tells nothing.
    if (!response || response.ok) throw new ServiceError(0);
  }
  if (response.ok) return answer;
  throw new ServiceError(response.status, {
    told: answer?.error ?? {},
    retryAfter: secondsOf(response.headers.get("Retry-After")),
    hadKey: key !== "",
  });
}

/** Reads Retry-After, which is either seconds or a date. */
function secondsOf(value) {
  if (!value) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(seconds, 0) : null;
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
