// Elements by id, and new ones. Text is only ever set as text: no string of the service is parsed as HTML.

export const by = (id) => document.getElementById(id);

/** A new element with properties (`class`, `on…` and `aria-…` as they are called in HTML) and children. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Show `text` in `element`, or hide it where there is none. */
export function say(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

/** Tell people who do not see the page. */
export function announce(text) {
  by("said").textContent = text;
}

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Resolves when somebody looks at the page: at once, mostly. */
export function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => {
    document.addEventListener("visibilitychange", function look() {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      done();
    });
  });
}
