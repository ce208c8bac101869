// The contact sheet: the caller's latest jobs as frames on film, newest first, one of them marked.

import { by, el } from "./dom.js";
import { isOpen, size, stateOf } from "./words.js";

const BLANKS = 12;

export class ContactSheet {
  #frames = new Map();
  #marked = null;
  #alone = null; // the batch whose frames alone are shown

  /** `on.choose(id)`, `on.expose(prompt)`, `on.stale(id)`. */
  constructor(on) {
    this.on = on;
    by("frames").addEventListener("keydown", (event) => this.#move(event));
    by("frames").addEventListener("focusin", (event) => this.#stop(event.target));
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

  /** Put a job where it belongs. */
  put(job) {
    if (this.isEmpty) by("frames").replaceChildren();
    const known = this.#frames.get(job.id);
    const frame = known ?? this.#frame(job);
    if (!known) {
      this.#frames.set(job.id, frame);
      const after = [...by("frames").children].find((other) => precedes(frame.dataset, other.dataset)) ?? null;
      by("frames").insertBefore(frame, after);
      this.#count();
    }
    this.#draw(frame, job);
  }

  drop(id) {
    const frame = this.#frames.get(id);
    if (!frame) return;
    const next = frame.nextElementSibling ?? frame.previousElementSibling;
    if (frame.contains(document.activeElement)) next?.firstChild.focus();
    frame.remove();
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
    const frame = this.#frames.get(id);
    frame?.firstChild.setAttribute("aria-current", "true");
    if (frame && !by("frames").contains(document.activeElement)) this.#stop(frame.firstChild);
  }

  /** Show one batch's frames and no others, or all. */
  only(batch) {
    this.#alone = batch;
    for (const frame of this.#frames.values()) frame.hidden = this.#isLeftOut(frame);
    this.#count();
  }

  #isLeftOut(frame) {
    return this.#alone !== null && frame.dataset.batch !== this.#alone;
  }

  #count() {
    const all = this.#frames.size;
    const shown = [...this.#frames.values()].filter((frame) => !frame.hidden).length;
    const frames = `${all} ${all === 1 ? "frame" : "frames"}`;
    by("sheet-note").textContent = !all ? "" : shown < all ? `${shown} of ${frames}` : `${frames}, newest first`;
  }

  #frame(job) {
    const image = el("img", { alt: "", loading: "lazy", onerror: () => this.on.stale(job.id) });
    const parts = [
      el("span", { class: "image" }, image, el("span", { class: "state" })),
      el("span", { class: "edge", "aria-hidden": "true" }, el("b", {}), el("span", {})),
    ];
    const tabindex = by("frames").querySelector("button") ? -1 : 0;
    const button = el("button", { type: "button", tabindex, onclick: () => this.on.choose(job.id) }, ...parts);
    if (job.id === this.#marked) button.setAttribute("aria-current", "true");
    const frame = el("li", { class: "frame", "data-id": job.id, "data-batch": job.batch ?? "" }, button);
    frame.append(el("p", { "aria-hidden": "true" }, job.request.prompt));
    frame.hidden = this.#isLeftOut(frame);
    return frame;
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

  /** The sheet is one stop of the Tab key, however many frames it has; the arrows move inside it. */
  #stop(button) {
    for (const other of by("frames").querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    button.tabIndex = 0;
  }

  #move(event) {
    const buttons = [...by("frames").querySelectorAll(".frame:not([hidden]) button")];
    const here = buttons.indexOf(document.activeElement);
    const tops = buttons.map((button) => button.getBoundingClientRect().top);
    const row = tops.filter((top) => top === tops[0]).length;
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, ArrowDown: here + row, ArrowUp: here - row, Home: 0, End: buttons.length - 1 }[event.key];
    if (here < 0 || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
  }
}

/** Newest first, but a batch's own in the order in which they were sent. Ids sort by age. */
function precedes(one, other) {
  return one.batch && one.batch === other.batch ? one.id < other.id : one.id > other.id;
}
