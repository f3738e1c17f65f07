// Elements of the page, and the one way to make them.

/** Finds an element by its id. */
export const byId = (id) => document.getElementById(id);

/** Makes an element. Children that are strings become text and are never read as markup. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Says something in a status line; `tone` is "", "busy" or "error". */
export function say(line, text, tone = "") {
  line.className = `status ${tone}`;
  line.textContent = text;
}
