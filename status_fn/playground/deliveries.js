// What the webhook of the job on the easel was told, try by try, and telling it once more.

import { call, Problem } from "./api.js";
import { announce, by, el, say, seen } from "./dom.js";
import { problemText, tryText } from "./words.js";

const SHOWN_TRIES = 5;
const LOOK_MS = { least: 1000, most: 15_000 };

export class Deliveries {
  #job = null;
  #timer = null;

  constructor() {
    by("redeliver").addEventListener("click", () => this.#again());
  }

  /** The job on the easel, or none; read anew with each of its versions. */
  show(job) {
    const same = job?.id === this.#job?.id;
    if (same && job?.version === this.#job?.version) return;
    this.#job = job;
    by("redeliver").hidden = !job?.links.redeliver;
    if (!same) by("deliveries").hidden = true;
    clearTimeout(this.#timer);
    if (job?.links.deliveries) this.#read("GET", job.links.deliveries);
  }

  async #again() {
    await this.#read("POST", this.#job.links.redeliver);
    if (by("delivery-problem").hidden) announce("The webhook is told again");
  }

  async #read(method, link) {
    const job = this.#job;
    const told = await call(method, link).catch((problem) => {
      if (!(problem instanceof Problem)) throw problem;
      return problem;
    });
    if (job !== this.#job) return;
    say(by("delivery-problem"), told instanceof Problem ? problemText(told) : "");
    if (told instanceof Problem) return;
    this.#draw(told.body.deliveries);
    clearTimeout(this.#timer);
    const due = told.body.deliveries.filter(({ state }) => state === "pending").map((one) => Date.parse(one.next_try_at));
    if (due.length) this.#timer = setTimeout(() => this.#look(job), pause(Math.min(...due)));
  }

  async #look(job) {
    await seen();
    if (job === this.#job) this.#read("GET", job.links.deliveries);
  }

  #draw(deliveries) {
    by("deliveries").hidden = false;
    by("deliveries-host").textContent = new URL(this.#job.request.webhook.url).host;
    by("delivery-log").replaceChildren(...deliveries.map(row));
  }
}

/** By this page's clock, which may differ from the service's: never at once, never much later. */
const pause = (due) => Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, due - Date.now()));

function row({ type, state, tries }) {
  const shown = tries.slice(-SHOWN_TRIES).reverse();
  const earlier = tries.length - shown.length;
  const lines = [...shown.map(tryText), ...(earlier ? [`${earlier} earlier`] : [])];
  const log = lines.length ? el("ul", {}, ...lines.map((line) => el("li", {}, line))) : "";
  return el("li", { "data-state": state }, el("p", {}, type, " ", el("b", {}, state)), log);
}
