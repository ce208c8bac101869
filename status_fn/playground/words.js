// What the page says: numbers with units, states in words, a job as a curl command. Pure.

const REASONS = {
  waiting_capacity: "Waiting for a free worker",
  cold_start: "Waiting for a worker to start",
  retry_backoff: "Waiting before another try",
  same_image_in_progress: "The same picture is being drawn",
};
const STATES = {
  queued: "Queued",
  running: "Developing",
  succeeded: "Done",
  failed: "Failed",
  canceled: "Canceled",
};
const CURES = {
  rate_limited: "Wait a moment, then try again.",
  tenant_queue_full: "Let some of your jobs end, or cancel some.",
  queue_full: "The service is full; try again in a while.",
  unavailable: "Try again in a moment.",
  unreachable: "The page goes on trying.",
  gone: "It is no longer kept; draw it again.",
};
const COUNTED = ["succeeded", "running", "queued", "failed", "canceled", "refused", "gone"];
const NO_ANSWERS = {
  url_refused: "may not be called any more",
  address_refused: "leads to an address that is not public",
  name_not_found: "its name leads nowhere",
  connection_failed: "nobody listens there",
  tls_failed: "no TLS, or no certificate to trust",
  timed_out: "no answer in time",
  no_http_answer: "no HTTP answer",
};
const ASKED = ["prompt", "negative_prompt", "model", "width", "height", "steps", "guidance", "seed"];

export const isOpen = (job) => job.status === "queued" || job.status === "running";

export function stateOf(job) {
  return STATES[job.status] ?? job.status;
}

/** Why a queued job waits, and how many are before it, as far as the service knows. */
export function waitOf(job) {
  const { ahead, reason } = job.queue;
  const before = ahead === null || ahead === undefined ? null : ahead === 0 ? "next in line" : `${ahead} ahead`;
  return [REASONS[reason] ?? "Waiting", before].filter(Boolean).join(", ");
}

/** Of a batch: 7 done, 1 developing, 3 queued. */
export function countsOf(counts) {
  const some = COUNTED.filter((name) => counts[name]);
  return some.map((name) => `${counts[name]} ${(STATES[name] ?? name).toLowerCase()}`).join(", ");
}

/** Why one of a batch's pictures became no job. */
export function itemProblem({ index, problem }) {
  const said = problem.errors.map((error) => sentence(`${error.pointer.split("/").pop()}: ${error.detail}`)).join(" ");
  return `Picture ${index + 1}: ${said || sentence(problem.detail ?? problem.title)}`;
}

/** One try of a webhook: when, what came of it, how long it took. */
export function tryText({ at, status, error, duration_ms: ms }) {
  const time = new Date(at).toLocaleTimeString(undefined, { timeStyle: "medium" });
  return `${time} · ${status === null ? (NO_ANSWERS[error] ?? error) : `answered ${status}`} · ${lasting(ms)}`;
}

/** What `count` jobs alike would come to, as far as the service knows. */
export function estimated({ cache, cost, eta_range_s: range }, count) {
  const when = cache.would_hit ? "At once, from the cache" : range && `There in ${between(range)}`;
  const first = when && count > 1 ? `The first ${when.toLowerCase()}` : when;
  const each = cost && `about ${money(cost.usd)}`;
  return [first, each && count > 1 ? `${each} each, ${money(cost.usd * count)} in all` : each].filter(Boolean).join(" · ");
}

function between([least, most]) {
  const [one, other] = [least, most].map((seconds) => lasting(Math.max(1, seconds * 1000)));
  return one === other ? one : `${one} to ${other}`;
}

/** 31 ms, 1.24 s, 12.4 s, 3 min 5 s. */
export function lasting(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
}

/** As an enlarger's timer shows it: 00.031, 12.400, 3:05.0. */
export function clock(ms) {
  if (ms < 60_000) return (ms / 1000).toFixed(3).padStart(6, "0");
  return `${Math.floor(ms / 60_000)}:${((ms % 60_000) / 1000).toFixed(1).padStart(4, "0")}`;
}

export function remaining(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1) return "less than a second left";
  const whole = Math.round(seconds);
  return whole < 60 ? `about ${whole} s left` : `about ${Math.round(whole / 60)} min left`;
}

/** Dollars; small amounts to two significant digits, never as 5.1e-6. */
export function money(usd) {
  const digits = usd >= 0.01 || usd === 0 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits)}`;
}

export const moment = (iso) =>
  new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

export const size = (request) => `${request.width} × ${request.height}`;

/** The part of a job that asks for its picture again, other fields being the service's own. */
export function askedBy(request) {
  const kept = ASKED.filter((name) => request[name] !== null && request[name] !== undefined);
  return Object.fromEntries([...kept.map((name) => [name, request[name]]), ["preview", Boolean(request.preview)]]);
}

/** The same job as a command; a key stands there by name only. */
export function curl(job, { url, withKey }) {
  const body = JSON.stringify(askedBy(job.request)).replaceAll("'", "'\\''");
  const lines = [`curl -s '${url}'`, "-H 'Content-Type: application/json'"];
  if (withKey) lines.push('-H "Authorization: Bearer $DARKROOM_KEY"');
  return [...lines, `-d '${body}'`].join(" \\\n  ");
}

export function warningOf(job) {
  const words = job.warnings.filter((warning) => warning.code === "unknown_words").flatMap((w) => w.words);
  if (!words.length) return "";
  const quoted = words.map((word) => `“${word}”`).join(", ");
  return `The model has never seen ${quoted}: it draws as if ${words.length > 1 ? "they were" : "it was"} not there.`;
}

export function faultOf(job) {
  if (!job.error) return "";
  const again = job.error.retryable ? " Trying again may help." : " Change the request before trying again.";
  return `${job.error.message} (${job.error.code}).${again}`;
}

/** A problem in full: what is wrong, and what to do about it. */
export function problemText(problem) {
  if (problem.code === "unauthorized") return "This service asks for a key. Enter one that holds.";
  return [sentence(problem.message), CURES[problem.code]].filter(Boolean).join(" ");
}

export function sentence(text) {
  return text && `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
