// The batch that the job on the easel came with: followed as a whole, with what was refused, and called off at once.

import { call } from "./api.js";
import { announce, by, el, say } from "./dom.js";
import { untilFinal } from "./follow.js";
import { countsOf, itemProblem } from "./words.js";

export class Batches {
  #views = new Map(); // by their own links
  #followed = new Set();
  #shown = null;

  /** `on.job(job)` gets every job's news, `on.trouble(problem or null)` the line, `on.alone(id or null)` which batch is shown alone. */
  constructor(on) {
    this.on = on;
    by("batch-only").addEventListener("click", () => this.#alone(by("batch-only").getAttribute("aria-pressed") !== "true"));
  }

  /** The batch that is shown; null where there is none, or it is still unknown. */
  get shown() {
    return this.#views.get(this.#shown) ?? null;
  }

  /** Show the batch behind `link`, or none. */
  show(link) {
    if (link === this.#shown) return;
    if (this.#shown) this.#alone(false);
    this.#shown = link;
    by("batch").hidden = true;
    if (this.#views.has(link)) this.#draw();
    else if (link) this.follow(link);
  }

  /** Read a batch until none of its jobs is open. */
  async follow(link) {
    if (this.#followed.has(link)) return;
    this.#followed.add(link);
    let etag = null;
    const read = async () => {
      const { body, headers } = await call("GET", link, { headers: etag ? { "If-None-Match": etag } : {} });
      etag = headers.get("ETag");
      if (body) this.put(body);
      return this.#views.get(link).links.cancel ? Number(headers.get("Retry-After")) || 1 : null;
    };
    await untilFinal(read, { gone: () => this.#forget(link), trouble: this.on.trouble });
    this.#followed.delete(link);
  }

  #forget(link) {
    this.#views.delete(link);
    if (link === this.#shown) this.show(null);
  }

  /** The newest news of a batch. Its jobs come first, so that whoever hears of its end finds them ended. */
  put(view) {
    const { self: link } = view.links;
    const before = this.#views.get(link);
    this.#views.set(link, view);
    for (const { job } of view.items) if (job) this.on.job(job);
    if (before && !before.finished_at && view.finished_at) announce(`Batch of ${view.size}: ${countsOf(view.counts)}`);
    if (link === this.#shown) this.#draw();
  }

  clear() {
    this.show(null);
    this.#views.clear();
  }

  #alone(is) {
    by("batch-only").setAttribute("aria-pressed", is);
    this.on.alone(is ? this.shown.id : null);
  }

  #draw() {
    const { size, counts, items, links } = this.shown;
    by("batch").hidden = false;
    by("batch-title").textContent = `Batch of ${size}`;
    by("batch-counts").textContent = countsOf(counts);
    by("batch-cancel").hidden = !links.cancel;
    for (const part of by("batch-bar").children) part.style.setProperty("flex-grow", counts[part.className]);
    const problems = items.filter(({ problem }) => problem && problem.code !== "gone");
    by("batch-refused").hidden = !problems.length;
    say(by("batch-refused").firstElementChild, `${problems.length} refused`);
    by("batch-problems").replaceChildren(...problems.map((item) => el("li", {}, itemProblem(item))));
  }
}
