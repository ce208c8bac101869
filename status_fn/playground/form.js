// The form: a model's limits and defaults in, a job out, refusals beside the fields that they are about.

import { by, el, say } from "./dom.js";
import { fits, offered } from "./sizes.js";
import { problemText, sentence, size } from "./words.js";

const NUMBERS = ["width", "height", "steps", "guidance"];
const FIELDS = ["prompt", "model", ...NUMBERS, "seed", "negative_prompt"];
const SUGGESTED = 3;

export class Form {
  #cards = new Map();
  #shown = 0;

  constructor(onSubmit) {
    by("request").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#check()) onSubmit(this.job());
    });
    by("prompt").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) by("request").requestSubmit();
    });
    by("prompt").addEventListener("input", () => this.#count());
    by("model").addEventListener("change", () => this.#use(this.card()));
    by("more-suggestions").addEventListener("click", () => this.#suggest());
    by("any-seed").addEventListener("click", () => (by("seed").value = ""));
    by("turn").addEventListener("click", () => this.#size(Number(by("height").value), Number(by("width").value)));
    for (const name of ["width", "height"]) by(name).addEventListener("input", () => this.#press());
    for (const name of ["steps", "guidance"]) twin(by(name), by(`${name}-dial`));
    by("request").addEventListener("input", (event) => this.#clear(event.target.name));
  }

  card() {
    return this.#cards.get(by("model").value);
  }

  /** What GET /v1/models says. */
  offer({ models, default: usual }) {
    this.#cards = new Map(models.map((card) => [card.name, card]));
    by("model").replaceChildren(...models.map((card) => el("option", { value: card.name }, card.title)));
    by("model").value = usual;
    this.#use(this.card());
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

  /** Put a job's request into the form. */
  fill(request) {
    if (this.#cards.has(request.model) && by("model").value !== request.model) {
      by("model").value = request.model;
      this.#use(this.card());
    }
    for (const name of ["prompt", "negative_prompt", "seed", ...NUMBERS]) by(name).value = request[name] ?? "";
    for (const name of ["steps", "guidance"]) by(name).dispatchEvent(new Event("input", { bubbles: true }));
    by("preview").checked = Boolean(request.preview);
    this.#press();
    this.#count();
    by("prompt").focus();
  }

  /** Nothing can be sent, as `text` says. */
  busy(text) {
    by("draw").disabled = text !== null;
    by("draw-text").textContent = text ?? "Draw";
  }

  /** Show a refusal: at each field that it names, and the rest above them. */
  refuse(problem) {
    this.clear();
    const named = problem.fields.filter((field) => FIELDS.includes(nameOf(field)));
    for (const field of named) this.#fault(nameOf(field), sentence(field.detail));
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

  #use(card) {
    if (!card) return;
    const { limits, defaults } = card;
    for (const name of NUMBERS) {
      bound(by(name), limits[name], name === "guidance" ? "any" : name === "steps" ? 1 : limits.multiple_of);
      by(name).value = defaults[name];
    }
    for (const name of ["steps", "guidance"]) {
      bound(by(`${name}-dial`), limits[name], name === "guidance" ? 0.5 : 1);
      by(`${name}-dial`).value = defaults[name];
    }
    this.#about(card);
    by("size-hint").textContent = sizeRule(limits);
    const sizes = offered(limits, defaults);
    const longest = Math.max(...sizes.flat());
    by("sizes").replaceChildren(...sizes.map((pair) => this.#chip(pair, longest)));
    this.#press();
    this.#count();
    this.#suggest();
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
      by("prompt").value = prompt;
      this.#count();
      this.#clear("prompt");
      by("prompt").focus();
    };
    return el("button", { type: "button", onclick: take }, prompt);
  }

  #count() {
    const most = this.card()?.limits.prompt_chars;
    const length = [...by("prompt").value].length;
    by("prompt-count").textContent = most && length > most * 0.8 ? `${length} of ${most} characters` : "";
  }

  /** What can be told without asking the service; it has the last word. */
  #check() {
    this.clear();
    const { limits } = this.card() ?? {};
    const length = [...by("prompt").value.trim()].length;
    if (!length) this.#fault("prompt", "Say what to draw.");
    if (length > limits?.prompt_chars) this.#fault("prompt", `At most ${limits.prompt_chars} characters.`);
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

const nameOf = (field) => field.pointer.split("/")[1];

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
