// The page put together: what was asked becomes a job, jobs are followed, and one is on the easel.

import { at, call, key, Problem, START } from "./api.js";
import { ContactSheet } from "./contact-sheet.js";
import { announce, by, say, seen, sleep } from "./dom.js";
import { Easel } from "./easel.js";
import { Follower } from "./follow.js";
import { Form } from "./form.js";
import { keyDialog } from "./key.js";
import { askedBy, curl, isOpen, lasting, problemText, stateOf } from "./words.js";

const PAGE = 24;
const SEEDS = 2 ** 32;
const REFRESH_S = 15;
const TRIES = 3;
const RENEW_MS = 30_000;

const jobs = new Map();
const renewed = new Map();
let older = null;

const easel = new Easel(renew);
const sheet = new ContactSheet({ choose, expose, stale: (id) => renew(jobs.get(id)) });
const form = new Form(submit);
const askForKey = keyDialog(start);
const follower = new Follower({ job: put, gone: forget, trouble });

/** What the page opens with, and again with another key. */
async function start() {
  say(by("banner"), "");
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
  if (wanted) choose(wanted.id, { focus: false });
  else easel.show(null);
}

async function page(path) {
  const { body } = await call("GET", path);
  for (const job of body.jobs) put(job);
  older = body.next_cursor;
  by("older").hidden = !older;
  if (sheet.isEmpty) sheet.suggest(form.card().examples);
}

/** The newest news of a job, wherever it came from. */
function put(job, etag = null) {
  const before = jobs.get(job.id);
  if (before && before.version > job.version) return;
  jobs.set(job.id, job);
  sheet.put(job);
  if (easel.job?.id === job.id) easel.show(job);
  if (before && before.status !== job.status) tell(job);
  if (isOpen(job)) follower.follow(job, typeof etag === "string" ? etag : null);
  document.body.toggleAttribute("data-busy", [...jobs.values()].some(isOpen));
}

function tell(job) {
  const end = job.status === "succeeded" ? ` in ${lasting(job.timing.total_ms)}` : "";
  announce(`${stateOf(job)}${end}: ${job.request.prompt}`);
  if (!isOpen(job)) refreshQueue();
}

function forget(id) {
  jobs.delete(id);
  sheet.drop(id);
  if (sheet.isEmpty) sheet.suggest(form.card().examples);
  if (easel.job?.id !== id) return;
  const next = newest();
  if (next) choose(next.id);
  else easel.show(null);
}

const newest = () => [...jobs.values()].reduce((one, other) => (one && one.id > other.id ? one : other), null);

function choose(id, { focus = true } = {}) {
  const job = jobs.get(id);
  easel.show(job);
  sheet.mark(id);
  history.replaceState(null, "", `#${job.links.self}`);
  const top = by("easel").getBoundingClientRect().top;
  if (focus && (top < 0 || top > innerHeight / 2)) by("easel").scrollIntoView({ behavior: "smooth", block: "start" });
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

async function submit(asked) {
  form.busy("Sending …");
  form.clear();
  try {
    const { body, headers } = await accepted(asked);
    put(body, headers.get("ETag"));
    choose(body.id);
    announce(`${stateOf(body)}: ${body.request.prompt}`);
    refreshQueue();
  } catch (problem) {
    await refused(problem);
  } finally {
    form.busy(null);
  }
}

/** Sent again where no answer came: one key, so that there is one job whatever happened before. */
async function accepted(asked) {
  const once = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  for (let tried = 1; ; tried++) {
    try {
      return await call("POST", START.jobs, { body: asked, headers: { "Idempotency-Key": once } });
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
  const { id } = easel.job;
  try {
    const { body, headers } = await call(method, path);
    if (body) put(body, headers.get("ETag"));
    else forget(id);
  } catch (problem) {
    trouble(problem);
    if (problem.status === 409) await read(easel.job.links.self).catch(trouble);
  }
}

/** Jobs may come from elsewhere too. */
async function refresh() {
  const { body } = await call("GET", `${START.jobs}?limit=${PAGE}`).catch(() => ({ body: { jobs: [] } }));
  body.jobs.forEach((job) => put(job));
  refreshQueue();
}

async function refreshQueue() {
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

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    const label = button.textContent;
    button.textContent = "Copied";
    announce("Copied");
    setTimeout(() => (button.textContent = label), 1500);
  } catch {
    by("copy-text").value = text; // no clipboard without https, or not allowed
    by("copy-dialog").showModal();
    by("copy-text").select();
  }
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

/** What cannot be undone is done at the second press. */
function twice(button, does) {
  if (button.dataset.armed) return does();
  const label = button.textContent;
  button.dataset.armed = "yes";
  button.textContent = `Really ${label.toLowerCase()}?`;
  setTimeout(() => {
    button.textContent = label;
    delete button.dataset.armed;
  }, 3000);
}

const next = (seed) => (seed + 1) % SEEDS;
const onClick = (id, does) => by(id).addEventListener("click", does);
onClick("cancel", () => act("POST", easel.job.links.cancel));
onClick("retry", () => act("POST", easel.job.links.retry));
onClick("delete", (event) => twice(event.target, () => act("DELETE", easel.job.links.self)));
onClick("again", () => submit(askedBy(easel.job.request)));
onClick("vary", () => submit({ ...askedBy(easel.job.request), seed: next(easel.job.request.seed) }));
onClick("edit", () => form.fill(easel.job.request));
onClick("copy-link", (event) => copy(linkOf(easel.job), event.target));
onClick("copy-curl", (event) =>
  copy(curl(easel.job, { url: at(START.jobs).href, withKey: Boolean(key.get()) }), event.target),
);
onClick("older", () => page(`${START.jobs}?limit=${PAGE}&cursor=${encodeURIComponent(older)}`).catch(trouble));
onClick("theme", turnLights);
addEventListener("hashchange", () => linkedJob() && read(linkedJob()).then((job) => choose(job.id), trouble));
if (matchMedia("(max-width: 60rem)").matches) by("settings").open = false;
else by("prompt").focus();
if (/mac|iphone|ipad/i.test(navigator.platform)) by("draw-keys").textContent = "⌘ ↵";
setInterval(() => seen().then(refresh), REFRESH_S * 1000);
start();
