// The contact sheet: the caller's latest jobs as frames on film, newest first, one of them marked.

import { by, el } from "./dom.js";
import { isOpen, size, stateOf } from "./words.js";

const BLANKS = 12;

export class ContactSheet {
  #frames = new Map();
  #marked = null;

  /** `on.choose(id)`, `on.expose(prompt)`, `on.stale(id)`. */
  constructor(on) {
    this.on = on;
    by("frames").addEventListener("keydown", (event) => this.#move(event));
  }

  get isEmpty() {
    return this.#frames.size === 0;
  }

  /** Before anything is known. */
  wait() {
    by("frames").replaceChildren(...Array.from({ length: BLANKS }, () => el("li", { class: "frame blank" }, el("span", { class: "image" }))));
  }

  /** Where there are no jobs: frames to expose, each with an example on it. */
  suggest(prompts) {
    by("sheet-note").textContent = "Blank film. Choose a frame to expose it.";
    by("frames").replaceChildren(...prompts.slice(0, BLANKS).map((prompt) => this.#blank(prompt)));
  }

  /** Put a job where it belongs: ids sort by age. */
  put(job) {
    if (this.isEmpty) by("frames").replaceChildren();
    const known = this.#frames.get(job.id);
    const frame = known ?? this.#frame(job);
    if (!known) {
      this.#frames.set(job.id, frame);
      const after = [...by("frames").children].find((other) => other.dataset.id < job.id) ?? null;
      by("frames").insertBefore(frame, after);
    }
    this.#draw(frame, job);
    this.#count();
  }

  drop(id) {
    this.#frames.get(id)?.remove();
    this.#frames.delete(id);
    this.#count();
  }

  clear() {
    this.#frames.clear();
    by("frames").replaceChildren();
  }

  /** Mark a frame as the one on the easel. */
  mark(id) {
    this.#frames.get(this.#marked)?.firstChild.removeAttribute("aria-current");
    this.#marked = id;
    this.#frames.get(id)?.firstChild.setAttribute("aria-current", "true");
  }

  #count() {
    const count = this.#frames.size;
    by("sheet-note").textContent = count ? `${count} ${count === 1 ? "frame" : "frames"}, newest first` : "";
  }

  #frame(job) {
    const image = el("img", { alt: "", loading: "lazy", onerror: () => this.on.stale(job.id) });
    const parts = [
      el("span", { class: "image" }, image, el("span", { class: "state" })),
      el("span", { class: "edge", "aria-hidden": "true" }, el("b", {}), el("span", {})),
    ];
    const button = el("button", { type: "button", onclick: () => this.on.choose(job.id) }, ...parts);
    if (job.id === this.#marked) button.setAttribute("aria-current", "true");
    return el("li", { class: "frame", "data-id": job.id }, button, el("p", { "aria-hidden": "true" }, job.request.prompt));
  }

  #draw(frame, job) {
    const image = frame.querySelector("img");
    frame.dataset.state = job.status;
    if (job.image && image.dataset.sha256 !== job.image.sha256) {
      image.dataset.sha256 = job.image.sha256;
      image.src = job.image.url;
    }
    image.hidden = !job.image;
    frame.style.setProperty("--done", job.progress?.fraction ?? 0);
    frame.querySelector(".state").textContent = job.status === "succeeded" ? "" : stateOf(job);
    frame.querySelector(".edge b").textContent = job.request.seed;
    frame.querySelector(".edge span").textContent = size(job.request);
    frame.classList.toggle("open", isOpen(job));
    const label = `${job.request.prompt}. ${stateOf(job)}, seed ${job.request.seed}`;
    frame.firstChild.setAttribute("aria-label", label);
    frame.title = job.request.prompt;
  }

  /** Renew the link of a frame whose picture could not be shown. */
  renew(job) {
    const image = this.#frames.get(job.id)?.querySelector("img");
    if (image && job.image) image.src = job.image.url;
  }

  #blank(prompt) {
    const text = el("span", { class: "image" }, el("span", { class: "state" }, prompt));
    const edge = el("span", { class: "edge", "aria-hidden": "true" }, el("b", {}, "▹"), el("span", {}, "safety film"));
    const button = el("button", { type: "button", "aria-label": `Draw ${prompt}`, onclick: () => this.on.expose(prompt) }, text, edge);
    return el("li", { class: "frame blank" }, button);
  }

  #move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = [...by("frames").querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}
