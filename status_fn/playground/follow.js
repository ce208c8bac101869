// Follows open jobs until they are final: each by its own link, by ETag, as long polls while they are few.

import { call, Problem } from "./api.js";
import { seen, sleep } from "./dom.js";
import { isOpen } from "./words.js";

const LONG_POLLS = 3; // a browser keeps six connections to one host, and the page needs some itself
const AT_ONCE = 8; // so that a long sheet of open jobs does not use up the rate of reads
const WAIT_S = { queued: 3, running: 10 };
const LONGEST_PAUSE_S = 15;

/**
 * Reads until there is no more news: `read()` resolves to the seconds until the next time, or null at the end.
 * `on.gone()` where nothing is kept any more, `on.trouble(problem or null)` after every read.
 */
export async function untilFinal(read, on) {
  for (let failures = 0; ; ) {
    await seen();
    try {
      const pause = await read();
      on.trouble(null);
      if (pause === null) return;
      failures = 0;
      await sleep(1000 * pause);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if ([404, 410].includes(problem.status)) return on.gone();
      on.trouble(problem);
      if (!problem.retryable) return;
      await sleep(1000 * (problem.retryAfter ?? Math.min(LONGEST_PAUSE_S, 2 ** failures++)));
    }
  }
}

export class Follower {
  #followed = new Set();
  #waiting = new Map();
  #polls = 0;

  /** `on.job(job)` gets every news, `on.gone(id)` whoever is no longer kept, `on.trouble(problem or null)` the line. */
  constructor(on) {
    this.on = on;
  }

  /** Follow a job from here on, `now` or when there is room; `etag` where it is known. */
  follow(job, { etag = null, now = false } = {}) {
    if (this.#followed.has(job.id)) return;
    if (now || this.#followed.size < AT_ONCE) this.#start(job, etag);
    else this.#waiting.set(job.id, job);
  }

  #start(job, etag) {
    this.#waiting.delete(job.id);
    this.#followed.add(job.id);
    this.#run(job, etag).finally(() => {
      this.#followed.delete(job.id);
      this.#next();
    });
  }

  /** The oldest of those that wait, which is likely to end first. */
  #next() {
    const [oldest] = [...this.#waiting.keys()].sort();
    if (oldest && this.#followed.size < AT_ONCE) this.#start(this.#waiting.get(oldest), null);
  }

  #run(job, etag) {
    const read = async () => {
      const answer = await this.#read(job, etag);
      etag = answer.headers.get("ETag") ?? etag;
      job = answer.body ?? job;
      if (answer.status === 200) this.on.job(job);
      if (!isOpen(job)) return null;
      // Who waits stays the same version while others before it are drawn.
      if (answer.status === 304 && job.status === "queued") etag = null;
      return answer.waited ? 0 : Number(answer.headers.get("Retry-After")) || 1;
    };
    return untilFinal(read, { gone: () => this.on.gone(job.id), trouble: this.on.trouble });
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
