// Follows open jobs until they are final: each by its own link, by ETag, as long polls while they are few.

import { call, Problem } from "./api.js";
import { seen, sleep } from "./dom.js";
import { isOpen } from "./words.js";

const LONG_POLLS = 3; // a browser keeps six connections to one host, and the page needs some itself
const WAIT_S = { queued: 3, running: 10 };
const LONGEST_PAUSE_S = 15;

export class Follower {
  #followed = new Map();
  #polls = 0;

  /** `on.job(job)` gets every news, `on.gone(id)` whoever is no longer kept, `on.trouble(problem or null)` the line. */
  constructor(on) {
    this.on = on;
  }

  /** Follow a job from here on; `etag` where it is known. */
  follow(job, etag = null) {
    if (this.#followed.has(job.id)) return;
    this.#followed.set(job.id, true);
    this.#run(job, etag).finally(() => this.#followed.delete(job.id));
  }

  async #run(job, etag) {
    for (let failures = 0; ; ) {
      await seen();
      try {
        const answer = await this.#read(job, etag);
        this.on.trouble(null);
        failures = 0;
        etag = answer.headers.get("ETag") ?? etag;
        job = answer.body ?? job;
        if (answer.status === 200) this.on.job(job);
        if (!isOpen(job)) return;
        // Who waits stays the same version while others before it are drawn.
        if (answer.status === 304 && job.status === "queued") etag = null;
        if (!answer.waited) await sleep(1000 * (Number(answer.headers.get("Retry-After")) || 1));
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if ([404, 410].includes(problem.status)) return this.on.gone(job.id);
        this.on.trouble(problem);
        if (!problem.retryable) return;
        await sleep(1000 * (problem.retryAfter ?? Math.min(LONGEST_PAUSE_S, 2 ** failures++)));
      }
    }
  }

  /** Waits at the service when few do; the first read, without an ETag, never waits. */
  async #read({ links: { self: path }, status }, etag) {
    if (!etag) return { ...(await call("GET", path)), waited: true };
    const headers = { "If-None-Match": etag };
    if (this.#polls >= LONG_POLLS) return { ...(await call("GET", path, { headers })), waited: false };
    this.#polls += 1;
    try {
      const answer = await call("GET", path, { headers: { ...headers, Prefer: `wait=${WAIT_S[status]}` } });
      return { ...answer, waited: !/wait=0\b/.test(answer.headers.get("Preference-Applied") ?? "wait=0") };
    } finally {
      this.#polls -= 1;
    }
  }
}
