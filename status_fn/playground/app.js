// The page put together: what was asked becomes a job, jobs are followed, and one is on the easel.

import { at, call, key, Problem, START } from "./api.js";
import { Batches } from "./batch.js";
import { ContactSheet } from "./contact-sheet.js";
import { Deliveries } from "./deliveries.js";
import { announce, by, say, seen, sleep } from "./dom.js";
import { Easel } from "./easel.js";
import { Estimate } from "./estimate.js";
import { Follower } from "./follow.js";
import { Form } from "./form.js";
import { keyDialog } from "./key.js";
import { calm, copy, twice } from "./press.js";
import { askedBy, countsOf, curl, isOpen, lasting, problemText, stateOf } from "./words.js";

const PAGE = 24;
const SEEDS = 2 ** 32;
const REFRESH_S = 15;
const TRIES = 3;
const RENEW_MS = 30_000;

const jobs = new Map();
const renewed = new Map();
let older = null;
let queueRead = null;

const easel = new Easel(renew);
const deliveries = new Deliveries();
const estimate = new Estimate();
const sheet = new ContactSheet({ choose, expose, stale: (id) => renew(jobs.get(id)) });
const form = new Form({ job: submit, batch: submitBatch, change: (asked, count) => estimate.of(asked, count) });
const askForKey = keyDialog(start);
const follower = new Follower({ job: put, gone: forget, trouble });
const batches = new Batches({ job: put, trouble, alone: (id) => sheet.only(id) });

/** What the page opens with, and again with another key. */
async function start() {
  say(by("banner"), "");
  batches.clear();
  sheet.clear();
  sheet.wait();
  jobs.clear();
  try {
    form.offer((await call("GET", START.models)).body);
    await page(`${START.jobs}?limit=${PAGE}`);
    refreshQueue();
  } catch (problem) {
    trouble(problem);
    if (problem.retryable) await sleep(1000 * (problem.retryAfter ?? 3)).then(seen).then(start);
    return;
  }
  const linked = linkedJob();
  if (linked) await read(linked).catch(trouble);
  const wanted = [...jobs.values()].find((job) => job.links.self === linked) ?? newest();
  if (wanted) choose(wanted.id, { byHand: false });
  else show(null);
}

async function page(path) {
  const { body } = await call("GET", path);
  for (const job of body.jobs) put(job);
  older = body.next_cursor;
  by("older").hidden = !older;
  if (sheet.isEmpty) sheet.suggest(form.card().examples);
}

/** Pages on until there is something new: a batch may have brought the next ones along already. */
async function pageOn() {
  for (const before = jobs.size; older && jobs.size === before; ) {
    await page(`${START.jobs}?limit=${PAGE}&cursor=${encodeURIComponent(older)}`);
  }
}

/** The newest news of a job, wherever it came from. */
function put(job, etag = null) {
  const before = jobs.get(job.id);
  if (before && before.version > job.version) return;
  jobs.set(job.id, job);
  sheet.put(job);
  if (easel.job?.id === job.id) show(job);
  if (before && before.status !== job.status) tell(job);
  if (isOpen(job)) follow(job, etag);
  document.body.toggleAttribute("data-busy", [...jobs.values()].some(isOpen));
}

/** A batch's jobs come to their ends together, but whoever is on the easel is watched step by step. */
function follow(job, etag) {
  const watched = easel.job?.id === job.id;
  if (job.links.batch) batches.follow(job.links.batch);
  if (watched || !job.links.batch) follower.follow(job, { etag, now: watched });
}

function show(job) {
  if (job?.id !== easel.job?.id) for (const id of ["delete", "batch-cancel"]) calm(by(id));
  easel.show(job);
  deliveries.show(job);
  batches.show(job?.links.batch ?? null);
}

/** Of a batch only its end is said aloud, and what becomes of the job on the easel. */
function tell(job) {
  const end = job.status === "succeeded" ? ` in ${lasting(job.timing.total_ms)}` : "";
  const watched = easel.job?.id === job.id;
  if (watched || !job.links.batch) announce(`${stateOf(job)}${end}: ${job.request.prompt}`);
  if (isOpen(job)) return;
  refreshQueue();
  if (watched) form.changed();
}

function forget(id) {
  const { batch } = jobs.get(id)?.links ?? {};
  jobs.delete(id);
  if (batch) batches.follow(batch); // which has one less
  sheet.drop(id);
  if (sheet.isEmpty) sheet.suggest(form.card().examples);
  if (easel.job?.id !== id) return;
  const next = newest();
  if (next) choose(next.id, { byHand: false });
  else show(null);
}

const newest = () => [...jobs.values()].reduce((one, other) => (one && one.id > other.id ? one : other), null);

/** What somebody chose can be gone back from. */
function choose(id, { byHand = true } = {}) {
  const job = jobs.get(id);
  show(job);
  sheet.mark(id);
  if (isOpen(job)) follow(job, null);
  const address = `#${job.links.self}`;
  if (byHand && location.hash && location.hash !== address) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  const top = by("easel").getBoundingClientRect().top;
  if (byHand && (top < 0 || top > innerHeight / 2)) by("easel").scrollIntoView({ block: "start" });
}

/** A link to this page may name a job: #/v1/jobs/… */
const linkedJob = () => (location.hash.startsWith(`#${START.jobs}/`) ? location.hash.slice(1) : null);

async function read(path) {
  const { body, headers } = await call("GET", path);
  put(body, headers.get("ETag"));
  return body;
}

/** A picture's link is over: read the job again, though not over and over. */
async function renew(job) {
  if (!job || performance.now() - (renewed.get(job.id) ?? -RENEW_MS) < RENEW_MS) return;
  renewed.set(job.id, performance.now());
  try {
    const fresh = await read(job.links.self);
    sheet.renew(fresh);
    if (fresh.image && easel.job?.id === job.id) by("picture").src = fresh.image.url;
  } catch (problem) {
    if ([404, 410].includes(problem.status)) forget(job.id);
    else trouble(problem);
  }
}

function submit(asked) {
  return send(START.jobs, asked, (job, headers) => {
    put(job, headers.get("ETag"));
    choose(job.id);
    announce(`${stateOf(job)}: ${job.request.prompt}`);
  });
}

/** The first that became a job goes on the easel, and the batch with it. */
function submitBatch(asked) {
  return send(START.batches, { jobs: asked }, (view) => {
    batches.put(view);
    choose(view.items.find(({ job }) => job).job.id);
    batches.follow(view.links.self);
    announce(`Batch of ${view.size}: ${countsOf(view.counts)}`);
  });
}

async function send(path, body, then) {
  form.busy("Sending …");
  form.clear();
  try {
    const answer = await accepted(path, body);
    then(answer.body, answer.headers);
    refreshQueue();
    form.changed();
  } catch (problem) {
    await refused(problem);
  } finally {
    form.busy(null);
  }
}

/** Sent again where no answer came: one key, so that all is there once whatever happened before. */
async function accepted(path, body) {
  const once = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  for (let tried = 1; ; tried++) {
    try {
      return await call("POST", path, { body, headers: { "Idempotency-Key": once } });
    } catch (problem) {
      const lost = problem instanceof Problem && ["unreachable", "unavailable"].includes(problem.code);
      if (!lost || tried === TRIES) throw problem;
      await sleep(1000 * (problem.retryAfter ?? tried));
    }
  }
}

async function refused(problem) {
  if (!(problem instanceof Problem)) throw problem;
  form.refuse(problem);
  if (problem.status === 401) askForKey({ refused: true });
  if (!problem.retryAfter) return;
  for (let left = problem.retryAfter; left > 0; left--) {
    form.busy(`Draw in ${left} s`);
    await sleep(1000);
  }
}

/** What keeps the page from news; null when it goes on. */
function trouble(problem) {
  if (problem !== null && !(problem instanceof Problem)) throw problem;
  say(by("banner"), problem ? problemText(problem) : "");
  if (problem?.status === 401) askForKey({ refused: true });
}

async function act(method, path) {
  const { id, links } = easel.job;
  say(by("banner"), "");
  try {
    const { body, headers } = await call(method, path);
    if (body) put(body, headers.get("ETag"));
    else forget(id);
  } catch (problem) {
    trouble(problem);
    if ([404, 410].includes(problem.status)) forget(id); // by another tab
    if (problem.status === 409) await read(links.self).catch(trouble);
  }
}

async function cancelBatch() {
  const answer = await call("POST", batches.shown.links.cancel).catch(trouble);
  if (answer) batches.put(answer.body);
}

/** Jobs may come from elsewhere too. */
async function refresh() {
  const { body } = await call("GET", `${START.jobs}?limit=${PAGE}`).catch(() => ({ body: { jobs: [] } }));
  for (const job of body.jobs) put(job);
  refreshQueue();
}

/** Many ends at once are one look. */
function refreshQueue() {
  queueRead ??= readQueue().finally(() => (queueRead = null));
}

async function readQueue() {
  const { body } = await call("GET", START.queue).catch(() => ({ body: null }));
  if (!body) return;
  const { p50 } = body.service_time_s;
  const facts = [
    body.depth === 0 ? "nothing waits" : `${body.depth} waiting`,
    `${body.in_flight}${body.cap ? ` of ${body.cap}` : ""} drawing`,
    p50 === null ? null : `usually ${lasting(p50 * 1000)}`,
  ];
  by("queue").textContent = facts.filter(Boolean).join(" · ");
}

function expose(prompt) {
  form.fill({ ...form.job(), prompt });
  submit(form.job());
}

function turnLights() {
  const root = document.documentElement.style;
  const dark = root.colorScheme ? root.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.colorScheme = dark ? "light" : "dark";
}

/** The permalink outlives every signed one, but where keys are asked for it asks for one too. */
function linkOf(job) {
  return key.get() ? job.image.url : at(job.links.image).href;
}

const next = (seed) => (seed + 1) % SEEDS;
const onClick = (id, does) => by(id).addEventListener("click", does);
onClick("cancel", () => act("POST", easel.job.links.cancel));
onClick("batch-cancel", (event) => twice(event.target, cancelBatch));
onClick("retry", () => act("POST", easel.job.links.retry));
onClick("delete", (event) => twice(event.target, () => act("DELETE", easel.job.links.self)));
onClick("again", () => submit(askedBy(easel.job.request)));
onClick("vary", () => submit({ ...askedBy(easel.job.request), seed: next(easel.job.request.seed) }));
onClick("edit", () => form.fill(easel.job.request));
onClick("copy-link", (event) => copy(linkOf(easel.job), event.target));
onClick("copy-curl", (event) =>
  copy(curl(easel.job, { url: at(START.jobs).href, withKey: Boolean(key.get()) }), event.target),
);
onClick("older", () => pageOn().catch(trouble));
onClick("theme", turnLights);
addEventListener("hashchange", () => linkedJob() && read(linkedJob()).then((job) => choose(job.id), trouble));
if (matchMedia("(max-width: 60rem)").matches) by("settings").open = false;
else by("prompt").focus();
if (/mac|iphone|ipad/i.test(navigator.platform)) by("draw-keys").textContent = "⌘ ↵";
setInterval(() => seen().then(refresh), REFRESH_S * 1000);
start();
