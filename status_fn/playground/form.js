// The form: a model's limits and defaults in, a job out, refusals beside the fields that they are about.

import { by, el, say } from "./dom.js";
import { fits, offered } from "./sizes.js";
import { problemText, sentence, size } from "./words.js";

const NUMBERS = ["width", "height", "steps", "guidance"];
const FIELDS = ["prompt", "model", ...NUMBERS, "seed", "negative_prompt"];
const SUGGESTED = 3;
const MOST_LINES = 100; // that a batch takes
const TOLD_LINES = 3;

export class Form {
  #cards = new Map();
  #shown = 0;
  #busy = null;

  /** `on.job(asked)` and `on.batch(list of them)` are sent, `on.change(asked, count)` is what would be, null for nothing. */
  constructor(on) {
    this.on = on;
    by("request").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#busy !== null || !this.#check()) return;
      if (by("lines").checked) on.batch(this.#jobs());
      else on.job(this.job());
    });
    by("prompt").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) by("request").requestSubmit();
    });
    by("lines").addEventListener("change", () => this.#count());
    by("prompt").addEventListener("input", () => this.#count());
    by("model").addEventListener("change", () => this.#use(this.card()));
    by("more-suggestions").addEventListener("click", () => this.#suggest());
    by("any-seed").addEventListener("click", () => {
      by("seed").value = "";
      this.changed();
    });
    by("turn").addEventListener("click", () => this.#size(Number(by("height").value), Number(by("width").value)));
    for (const name of ["width", "height"]) by(name).addEventListener("input", () => this.#press());
    for (const name of ["steps", "guidance"]) twin(by(name), by(`${name}-dial`));
    by("request").addEventListener("input", (event) => {
      this.#clear(event.target.name);
      this.changed();
    });
  }

  card() {
    return this.#cards.get(by("model").value);
  }

  /** What GET /v1/models says. It may come late, or again: what stands in the form by then is somebody's choice. */
  offer({ models, default: usual }) {
    const chosen = by("model").value || usual;
    const written = Object.fromEntries(NUMBERS.map((name) => [name, by(name).value]));
    this.#cards = new Map(models.map((card) => [card.name, card]));
    by("model").replaceChildren(...models.map((card) => el("option", { value: card.name }, card.title)));
    const isThere = this.#cards.has(chosen);
    by("model").value = isThere ? chosen : usual;
    this.#use(this.card(), isThere ? written : {});
  }

  /** The job as it stands in the form; of a field that is empty yet, the service knows what it should be. */
  job() {
    const model = by("model").value;
    const numbers = NUMBERS.map((name) => [name, number(name)]).filter(([, value]) => value !== null);
    const seed = number("seed");
    const unwanted = by("negative_prompt").value.trim();
    return {
      prompt: by("prompt").value.trim(),
      ...(model ? { model } : {}),
      ...Object.fromEntries(numbers),
      ...(seed === null ? {} : { seed }),
      ...(unwanted ? { negative_prompt: unwanted } : {}),
      preview: by("preview").checked,
    };
  }

  /** Each line that says something is a prompt of its own. */
  #jobs() {
    return this.#prompts().map((prompt) => ({ ...this.job(), prompt }));
  }

  #prompts() {
    const text = by("prompt").value.trim();
    const prompts = by("lines").checked ? text.split("\n").map((line) => line.trim()) : [text];
    return prompts.filter(Boolean);
  }

  /** What would be sent may be another now, or come to something else. */
  changed() {
    const prompts = this.#prompts();
    const known = this.card() && prompts.length > 0;
    this.on.change(known ? { ...this.job(), prompt: prompts[0] } : null, prompts.length);
  }

  /** Put a job's request into the form. */
  fill(request) {
    by("lines").checked = false;
    if (this.#cards.has(request.model) && by("model").value !== request.model) {
      by("model").value = request.model;
      this.#use(this.card());
    }
    for (const name of ["prompt", "negative_prompt", "seed", ...NUMBERS]) by(name).value = request[name] ?? "";
    for (const name of ["steps", "guidance"]) by(name).dispatchEvent(new Event("input", { bubbles: true }));
    by("preview").checked = Boolean(request.preview);
    this.#press();
    this.#count();
    this.changed();
    by("prompt").focus();
  }

  /** Nothing can be sent, as `text` says. The button keeps its focus meanwhile. */
  busy(text) {
    this.#busy = text;
    by("draw").setAttribute("aria-disabled", text !== null);
    this.#count();
  }

  /** Show a refusal: at each field that it names, and the rest above them. */
  refuse(problem) {
    this.clear();
    const named = problem.fields.filter((field) => FIELDS.includes(place(field).name));
    for (const [name, said] of told(named)) this.#fault(name, said.map(sentence).join(" "));
    const others = problem.fields.filter((field) => !named.includes(field));
    const rest = others.map((field) => `${field.pointer}: ${field.detail}`).join("; ");
    const text = named.length ? [sentence(rest), "See the marked fields."].filter(Boolean).join(" ") : problemText(problem);
    const id = problem.requestId ? el("small", {}, `Request ${problem.requestId}`) : "";
    by("problem").replaceChildren(el("p", {}, el("strong", {}, sentence(problem.title)), " ", text), id);
    by("problem").hidden = false;
    this.#firstFault();
  }

  clear() {
    by("problem").hidden = true;
    for (const name of FIELDS) this.#clear(name);
  }

  #use(card, written = {}) {
    if (!card) return;
    const { limits, defaults } = card;
    for (const name of NUMBERS) {
      bound(by(name), limits[name], name === "guidance" ? "any" : name === "steps" ? 1 : limits.multiple_of);
      by(name).value = written[name] || defaults[name];
    }
    for (const name of ["steps", "guidance"]) {
      bound(by(`${name}-dial`), limits[name], name === "guidance" ? 0.5 : 1);
      by(`${name}-dial`).value = by(name).value;
    }
    this.#about(card);
    by("size-hint").textContent = sizeRule(limits);
    const sizes = offered(limits, defaults);
    const longest = Math.max(...sizes.flat());
    by("sizes").replaceChildren(...sizes.map((pair) => this.#chip(pair, longest)));
    this.#press();
    this.#count();
    this.#suggest();
    this.changed();
  }

  #about(card) {
    by("model-about").textContent = card.description;
    by("model-draws").replaceChildren(...card.draws.map((what) => el("li", {}, what)));
    by("model-licence").textContent = `Licence ${card.licence} · revision ${card.revision}`;
  }

  #chip([width, height], longest) {
    const shape = el("i", { "aria-hidden": "true" });
    shape.style.setProperty("--w", width / longest);
    shape.style.setProperty("--h", height / longest);
    const label = `${width} × ${height}`;
    return el("button", { type: "button", "data-size": label, onclick: () => this.#size(width, height) }, shape, label);
  }

  #size(width, height) {
    by("width").value = width;
    by("height").value = height;
    this.#press();
    for (const name of ["width", "height"]) this.#clear(name);
    this.changed();
  }

  #press() {
    const now = size({ width: by("width").value, height: by("height").value });
    for (const chip of by("sizes").children) chip.setAttribute("aria-pressed", chip.dataset.size === now);
  }

  /** The next few of the model's own examples. */
  #suggest() {
    const all = this.card().examples;
    const next = all.slice(this.#shown, this.#shown + SUGGESTED);
    this.#shown = this.#shown + SUGGESTED >= all.length ? 0 : this.#shown + SUGGESTED;
    by("suggestions").replaceChildren(...next.map((prompt) => el("li", {}, this.#suggestion(prompt))));
    by("more-suggestions").hidden = all.length <= SUGGESTED;
  }

  #suggestion(prompt) {
    const take = () => {
      const before = by("lines").checked && by("prompt").value.trimEnd();
      by("prompt").value = before ? `${before}\n${prompt}` : prompt;
      this.#count();
      this.#clear("prompt");
      this.changed();
      by("prompt").focus();
    };
    return el("button", { type: "button", onclick: take }, prompt);
  }

  #count() {
    const many = by("lines").checked;
    const { length: pictures } = this.#prompts();
    const verb = many && pictures > 0 ? `Draw ${pictures} ${pictures === 1 ? "picture" : "pictures"}` : "Draw";
    by("draw-text").textContent = this.#busy ?? verb;
    by("prompt-label").textContent = many ? "Prompts, one a line" : "Prompt";
    by("prompt").rows = many ? 8 : 3;
    by("prompt-count").textContent = many ? `${pictures} of ${MOST_LINES} pictures` : this.#length();
  }

  /** How long it is, or that it might have been meant as several. */
  #length() {
    const lines = by("prompt").value.split("\n").filter((line) => line.trim()).length;
    if (lines > 1) return `${lines} lines, drawn as one picture`;
    const most = this.card()?.limits.prompt_chars;
    const length = [...by("prompt").value].length;
    return most && length > most * 0.8 ? `${length} of ${most} characters` : "";
  }

  /** What can be told without asking the service; it has the last word. */
  #check() {
    this.clear();
    const { limits } = this.card() ?? {};
    const prompts = this.#prompts();
    const long = prompts.findIndex((prompt) => [...prompt].length > limits?.prompt_chars);
    const which = by("lines").checked ? `Picture ${long + 1}: at` : "At";
    if (!prompts.length) this.#fault("prompt", "Say what to draw.");
    if (long >= 0) this.#fault("prompt", `${which} most ${limits.prompt_chars} characters.`);
    if (prompts.length > MOST_LINES) this.#fault("prompt", `At most ${MOST_LINES} lines at once; these are ${prompts.length}.`);
    for (const name of limits ? ["steps", "guidance"] : []) {
      const value = number(name);
      if (value !== null && (value < limits[name].min || value > limits[name].max)) {
        this.#fault(name, `From ${limits[name].min} to ${limits[name].max}.`);
      }
    }
    const pair = [number("width"), number("height")];
    if (limits && !pair.includes(null) && !fits(pair, limits)) this.#fault("width", sizeRule(limits));
    return this.#firstFault() === null;
  }

  #fault(name, text) {
    say(by(`${name}-error`), text);
    by(name).setAttribute("aria-invalid", "true");
    if (name !== "prompt") by("settings").open = true;
  }

  #clear(name) {
    if (!FIELDS.includes(name)) return;
    say(by(`${name}-error`), "");
    by(name).removeAttribute("aria-invalid");
  }

  #firstFault() {
    const first = FIELDS.map(by).find((field) => field.getAttribute("aria-invalid")) ?? null;
    first?.focus();
    return first;
  }
}

/** The field that a pointer names, and which of several pictures it is about. */
function place({ pointer }) {
  const [, first, index, name] = pointer.split("/");
  return first === "jobs" && name ? { name, number: Number(index) + 1 } : { name: first };
}

/** What is said of each field: once where it is of all pictures, and of the first few where it is of some. */
function told(fields) {
  const said = new Map();
  for (const field of fields) {
    const { name, number } = place(field);
    const text = number && name === "prompt" ? `Picture ${number}: ${field.detail}` : field.detail;
    const before = said.get(name) ?? [];
    if (!before.includes(text) && before.length < TOLD_LINES) said.set(name, [...before, text]);
  }
  return said;
}

function number(name) {
  const text = by(name).value.trim();
  return text === "" ? null : Number(text);
}

function bound(input, range, step) {
  Object.assign(input, { min: range.min, max: range.max, step });
}

/** Two inputs that always show the same number. */
function twin(exact, dial) {
  exact.addEventListener("input", () => (dial.value = exact.value));
  dial.addEventListener("input", () => {
    exact.value = dial.value;
    exact.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

function sizeRule({ width, height, multiple_of: unit, pixels }) {
  const sides =
    width.min === height.min && width.max === height.max
      ? `${width.min} to ${width.max}`
      : `${width.min} to ${width.max} wide, ${height.min} to ${height.max} high`;
  return `${sides}, in steps of ${unit}${pixels ? `, at most ${pixels} pixels in all` : ""}.`;
}
