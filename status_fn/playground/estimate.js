// What a job would cost and when it would be there, told quietly while the form is written on: nothing here disturbs.

import { call, Problem, START } from "./api.js";
import { by } from "./dom.js";
import { estimated } from "./words.js";

const CALM_MS = 600; // of not writing, before the service is asked

export class Estimate {
  #timer = null;
  #latest = null;
  #from = 0; // not asked again before, by this page's clock

  /** `count` jobs like `asked` would be sent; null where the form could not be sent. */
  of(asked, count) {
    clearTimeout(this.#timer);
    this.#latest = asked;
    if (!asked) by("estimate").textContent = "";
    else this.#timer = setTimeout(() => this.#ask(asked, count), Math.max(CALM_MS, this.#from - performance.now()));
  }

  async #ask(asked, count) {
    const told = await call("POST", START.estimates, { body: asked }).catch((problem) => this.#none(problem));
    if (this.#latest === asked) by("estimate").textContent = told ? estimated(told.body, count) : "";
  }

  /** Whoever submits is told what is wrong; a guess is left out. */
  #none(problem) {
    if (!(problem instanceof Problem)) throw problem;
    this.#from = performance.now() + 1000 * (problem.retryAfter ?? 0);
    return null;
  }
}
