// The easel: one job at a time, from waiting to the print, with what made it and what can be done with it.

import { picture, Problem } from "./api.js";
import { by, el, say } from "./dom.js";
import { clock, faultOf, isOpen, lasting, moment, money, remaining, size, stateOf, waitOf, warningOf } from "./words.js";

const ENLARGED = 3; // small pictures are shown so many times as large as they are
const LARGEST_PX = 540;
const ENDING_MS = 30_000; // before it ends a link is renewed, since it may be opened or copied
const WIDE = new Set(["Keep out", "Made", "Kept until"]);

export class Easel {
  #job = null;
  #read = 0; // when the job was read, by this page's clock
  #previewed = null; // id and version of the job whose preview is shown or on its way

  /** `onStale(job)` is called when a link to a picture no longer works, or soon will not. */
  constructor(onStale) {
    this.onStale = onStale;
    by("picture").addEventListener("error", () => this.#job && onStale(this.#job));
    by("picture").addEventListener("load", () => (by("picture").hidden = false));
    setInterval(() => this.#tick(), 60);
  }

  get job() {
    return this.#job;
  }

  /** Show a job, or what is to be done where there is none. */
  show(job) {
    const other = job?.id !== this.#job?.id;
    this.#job = job;
    this.#read = performance.now();
    by("easel").dataset.state = job ? job.status : "empty";
    by("welcome").hidden = job !== null;
    by("print").hidden = by("notes").hidden = job === null;
    if (other) this.#clean();
    if (job) this.#draw(job);
    else by("ruler").hidden = true;
  }

  #clean() {
    for (const id of ["picture", "preview-picture"]) {
      by(id).hidden = true;
      by(id).removeAttribute("src");
      delete by(id).dataset.of;
    }
    this.#previewed = null;
  }

  #draw(job) {
    const { request } = job;
    const scale = Math.min(ENLARGED, LARGEST_PX / Math.max(request.width, request.height));
    by("print").style.setProperty("--width", `${Math.round(request.width * scale)}px`);
    by("print").style.setProperty("--ratio", request.width / request.height);
    by("asked").textContent = request.prompt;
    say(by("warning"), warningOf(job));
    say(by("fault"), faultOf(job));
    say(by("paper-text"), PAPER[job.status]?.(job));
    this.#picture(job);
    this.#ruler(job);
    this.#facts(job);
    this.#actions(job);
    this.#tick();
  }

  #picture(job) {
    const shown = by("picture");
    shown.alt = job.request.prompt;
    if (job.image && shown.dataset.of !== job.image.sha256 + job.id) {
      shown.dataset.of = job.image.sha256 + job.id;
      shown.src = job.image.url;
    }
    if (job.links.preview && job.status === "running") this.#preview(job);
    if (!isOpen(job) && !job.image) by("preview-picture").hidden = true;
  }

  /** The newest preview; whoever is no longer asked for is dropped when it comes. */
  async #preview(job) {
    const mark = `${job.id} ${job.version}`;
    if (this.#previewed === mark) return;
    this.#previewed = mark;
    const blob = await picture(job.links.preview).catch((error) => {
      if (!(error instanceof Problem)) throw error;
    });
    if (!blob || this.#job?.id !== job.id) return;
    const shown = by("preview-picture");
    URL.revokeObjectURL(shown.src);
    shown.src = URL.createObjectURL(blob);
    shown.hidden = false;
    by("paper-text").hidden = true;
  }

  #ruler(job) {
    by("ruler").hidden = !isOpen(job);
    const done = job.progress?.fraction ?? 0;
    const { step = 0, steps = job.request.steps } = job.progress ?? {};
    by("progress").style.setProperty("--done", done);
    by("progress").style.setProperty("--steps", Math.min(steps, 50));
    by("progress").setAttribute("aria-valuenow", Math.round(done * 100));
    by("step").textContent = job.status === "running" ? `Step ${step} of ${steps}` : waitOf(job);
  }

  #facts(job) {
    const { request, timing, image } = job;
    const rows = [
      ["Seed", request.seed],
      ["Model", request.model],
      ["Size", size(request)],
      ["Steps", request.steps],
      ["Guidance", request.guidance],
      ["Keep out", request.negative_prompt],
      ["Attempt", job.attempt > 1 ? job.attempt : null],
      ["Waited", within(timing.queue_ms)],
      ["Worker start", timing.load_ms ? within(timing.load_ms) : null],
      ["Drawn in", within(timing.inference_ms)],
      ["Together with", timing.drawn_together > 1 ? `${timing.drawn_together - 1} more` : null],
      ["Stored in", within(timing.upload_ms)],
      ["Cache", job.cache.hit ? "hit" : null],
      ["Cost", job.cost ? money(job.cost.usd) : null],
      ["Saved", job.cost?.avoided_usd ? money(job.cost.avoided_usd) : null],
      ["File", image ? `${(image.bytes / 1000).toFixed(1)} kB, PNG` : null],
      ["Made", moment(job.created_at)],
      ["Kept until", moment(job.expires_at)],
    ];
    const known = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
    by("facts").replaceChildren(...known.map(([name, value]) => el("div", { class: WIDE.has(name) && "wide" }, el("dt", {}, name), el("dd", {}, String(value)))));
    this.#share(timing);
  }

  /** Of a finished job's time: waiting, drawing, storing, to scale. */
  #share({ queue_ms: wait, inference_ms: work, upload_ms: store }) {
    by("timing").hidden = work === null || wait === null;
    for (const [name, value] of Object.entries({ wait, work, store })) {
      by("timing").querySelector(`.${name}`).style.setProperty("flex-grow", value ?? 0);
    }
  }

  #actions(job) {
    const open = isOpen(job);
    const pressed = by("actions").contains(document.activeElement) ? document.activeElement : null;
    const offered = {
      cancel: job.links.cancel,
      retry: job.links.retry,
      vary: !open,
      again: !open,
      edit: true,
      open: job.image,
      "copy-link": job.links.image,
      "copy-curl": true,
      delete: !open,
    };
    for (const [id, is] of Object.entries(offered)) by(id).hidden = !is;
    if (pressed?.hidden) [...by("actions").children].find((action) => !action.hidden).focus();
    if (job.image) by("open").href = job.image.url;
  }

  /** What changes with time alone. */
  #tick() {
    const job = this.#job;
    if (!job) return;
    const end = job.timing.total_ms ?? Math.max(0, Date.now() - Date.parse(job.created_at));
    by("clock").textContent = job.status === "canceled" && !job.timing.total_ms ? "" : clock(end);
    say(by("status"), job.status === "succeeded" ? `${job.cache.hit ? "From the cache" : "Done"} in ${lasting(end)}` : stateOf(job));
    if (job.image && Date.parse(job.image.url_expires_at) - Date.now() < ENDING_MS) this.onStale(job);
    const eta = job.queue.eta_s;
    if (isOpen(job) && eta !== null) {
      by("eta").textContent = remaining(Math.max(0, eta - (performance.now() - this.#read) / 1000));
    } else by("eta").textContent = "";
  }
}

/** What the paper says while it shows no picture. */
const PAPER = {
  queued: () => "Unexposed",
  failed: () => "No picture",
  canceled: () => "Called off",
};

const within = (ms) => (ms === null || ms === undefined ? null : lasting(ms));
