// The API: what it answers, and its refusals in its own words.

/** A refusal. `fields` are the bad fields of a request: {field, message}. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.message ?? `The service answered ${status}.`);
    this.status = status;
    this.fields = problem.errors ?? [];
    this.request = problem.request_id ?? null;
  }
}

let token = null;
let onUnauthorized = () => {};

/** From now on calls carry this bearer's token; `unauthorized` is called when it is not taken any more. */
export function authorize(bearer, unauthorized) {
  token = bearer;
  onUnauthorized = unauthorized;
}

/** Where a path of the API is, wherever the page is served from. */
export const address = (path) => new URL(path, document.baseURI);

/** One call. The answer's JSON, or null where there is none. */
export async function call(method, path, { body, headers } = {}) {
  let answer;
  try {
    answer = await fetch(address(path), {
      method,
      headers: {
        accept: "application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : written(body),
      cache: "no-store",
      credentials: "omit",
    });
  } catch {
    throw new Refused(0, { detail: "The service cannot be reached. Check the connection and try again." });
  }
  const text = await answer.text();
  let json = null;
  try {
    json = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Refused(answer.status, { detail: `The service answered ${answer.status} with something unreadable.` });
  }
  if (answer.ok) return json;
  if (answer.status === 401 && token) onUnauthorized();
  throw new Refused(answer.status, json ?? {});
}

/** A number as it was typed: the API compares decimals, which a float would change. */
export class Typed {
  constructor(text) {
    this.text = text;
  }
}

/** JSON in which typed numbers stand as they were typed. */
export function written(value) {
  if (value instanceof Typed) return value.text;
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${written(member)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

const of = (source) => `sources/${encodeURIComponent(source)}`;

/** A fresh name for one request, so that a repeated click or a lost answer makes one export. */
export const requestKey = () => crypto.randomUUID();

export const sources = async () => (await call("GET", "sources")).sources;
export const fields = async (source) => (await call("GET", `${of(source)}/fields`)).fields;
export const exportOf = (id) => call("GET", `exports/${encodeURIComponent(id)}`);
export const request = (source, body, key) => call("POST", `${of(source)}/exports`, { body, headers: { "idempotency-key": key } });
export const preview = (source, body) => call("POST", `${of(source)}/exports/preview`, { body });
export const end = (id) => call("DELETE", `exports/${encodeURIComponent(id)}`);
export const link = (id) => call("GET", `exports/${encodeURIComponent(id)}/download`);
export const presets = async (source) => (await call("GET", `${of(source)}/presets`)).presets;
export const preset = (source, name) => call("GET", `${of(source)}/presets/${encodeURIComponent(name)}`);
export const savePreset = (source, name, body) => call("PUT", `${of(source)}/presets/${encodeURIComponent(name)}`, { body });
export const removePreset = (source, name) => call("DELETE", `${of(source)}/presets/${encodeURIComponent(name)}`);

/** A page of the history: {exports, next_cursor}. */
export function history(source, { status, requestedBy, cursor, limit }) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (status) query.set("status", status);
  if (requestedBy) query.set("requested_by", requestedBy);
  if (cursor) query.set("cursor", cursor);
  return call("GET", `${of(source)}/exports?${query}`);
}
