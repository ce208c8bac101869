// The public HTTP contract: where it starts, the key, and errors as one type. Everything else is reached by links.

export const START = {
  jobs: "/v1/jobs",
  batches: "/v1/batches",
  estimates: "/v1/estimates",
  models: "/v1/models",
  queue: "/v1/queue",
};
const KEY = "darkroom.key";
const PATIENCE_MS = 60_000; // more than any answer waits for news

/** Where a link of the contract leads; the service may stand below a path of its host. */
export const at = (link) => new URL(`.${link}`, document.baseURI);

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** A refusal (RFC 9457), or the lack of any answer (`code` "unreachable"). */
export class Problem extends Error {
  constructor(told, retryAfter) {
    super(told.detail || told.title);
    this.status = told.status;
    this.code = told.code;
    this.title = told.title;
    this.fields = told.errors ?? [];
    this.retryable = told.retryable ?? false;
    this.requestId = told.request_id;
    this.retryAfter = retryAfter;
  }
}

const UNREACHABLE = {
  status: 0,
  code: "unreachable",
  title: "The service does not answer",
  detail: "The service does not answer. Is it running, and are you connected?",
  retryable: true,
};

/** One call. Resolves to {status, headers, body} for 2xx and 304, and throws Problem for all else. */
export async function call(method, path, { body, headers = {} } = {}) {
  const response = await send(path, { method, headers: spoken(headers, body), body: body && JSON.stringify(body) });
  if (response.ok || response.status === 304) {
    const json = response.headers.get("Content-Type")?.includes("json");
    return { status: response.status, headers: response.headers, body: json ? await whole(response.json()) : null };
  }
  throw await refusal(response);
}

/** A picture behind a link that may need the key; null where there is none (yet). */
export async function picture(path) {
  const response = await send(path, { headers: spoken({}) });
  return response.status === 200 ? whole(response.blob()) : null;
}

function spoken(headers, body) {
  const held = key.get();
  return {
    ...headers,
    ...(body ? { "Content-Type": "application/json" } : {}),
    ...(held ? { Authorization: `Bearer ${held}` } : {}),
  };
}

async function send(path, request) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return whole(fetch(at(path), { ...request, signal, cache: "no-store", credentials: "omit" }));
}

/** What the network brings; however it fails, there was no answer. */
async function whole(coming) {
  try {
    return await coming;
  } catch {
    throw new Problem(UNREACHABLE);
  }
}

/** What stands before the service (API Gateway) refuses in words of its own. */
async function refusal(response) {
  const told = await response.json().catch(() => ({}));
  const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
  const title = told.title ?? told.message ?? `The service answered ${response.status}`;
  const retryable = [429, 502, 503, 504].includes(response.status);
  return new Problem({ code: "other", retryable, ...told, title, status: response.status }, retryAfter);
}
