// Who is here: the OpenID code flow with PKCE where it is deployed, the demo's users on the local stack.
//
// The token lives in the session's storage alone: it ends with the tab, and never stands in an address.
import { Refused, address, call } from "./api.js";

const SESSION = "lead-export.session";
const FLOW = "lead-export.flow";

const kept = (name) => JSON.parse(sessionStorage.getItem(name) ?? "null");
const keep = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));

/** What the page was deployed with. */
export const config = () => call("GET", "config.json");

/** The session of this tab, if there is one that has not ended: {token, user, name}. */
export function session() {
  const session = kept(SESSION);
  return session && session.until > Date.now() ? session : null;
}

/** Ends the session. */
export function signOut() {
  sessionStorage.removeItem(SESSION);
}

/** A session by a token of the local stack. */
export async function continueAs(config, { org, user }) {
  begin(await call("POST", config.token, { body: { org, user } }));
}

function begin({ access_token: token, expires_in: seconds }) {
  const claims = claimsOf(token);
  const ends = claims.exp ? claims.exp * 1000 : Date.now() + (seconds ?? 300) * 1000;
  keep(SESSION, { token, until: ends, user: claims.sub ?? "", name: claims.email ?? claims.name ?? claims.sub ?? "" });
}

/** What a token says of itself; nothing is decided by it here, the API checks it. */
function claimsOf(token) {
  try {
    const body = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

/** The provider's own description (OpenID Connect Discovery 1.0, section 4). */
async function provider(config) {
  const issuer = config.issuer.replace(/\/$/, "");
  const answer = await fetch(`${issuer}/.well-known/openid-configuration`, { credentials: "omit" });
  if (!answer.ok) throw new Refused(answer.status, { detail: "The sign-in provider does not describe itself." });
  const found = await answer.json();
  // A description of another issuer would send the code somewhere else (section 4.3).
  if (found.issuer?.replace(/\/$/, "") !== issuer) {
    throw new Refused(0, { detail: "The sign-in provider describes another issuer." });
  }
  return found;
}

/** Where the provider sends people back to: this page, without its query. */
const home = () => address("./").href;

const random = () => text64(crypto.getRandomValues(new Uint8Array(32)));
const text64 = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** Leaves for the provider (RFC 7636). What is in the address now is there again afterwards. */
export async function signIn(config) {
  const { authorization_endpoint: endpoint } = await provider(config);
  const [verifier, state] = [random(), random()];
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  keep(FLOW, { verifier, state, search: location.search });
  const target = new URL(endpoint);
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id: config.client_id,
    redirect_uri: home(),
    scope: config.scope,
    // Auth0 makes a token for an API only when it is asked for it by name.
    ...(config.audience ? { audience: config.audience } : {}),
    state,
    code_challenge: text64(new Uint8Array(challenge)),
    code_challenge_method: "S256",
  })) target.searchParams.set(name, value);
  location.assign(target);
}

/** Takes up what the provider sent us back with, if it did: the code becomes a session and leaves the address at once. */
export async function comeBack(config) {
  const query = new URLSearchParams(location.search);
  const flow = kept(FLOW);
  if (!query.has("state") || !(query.has("code") || query.has("error"))) return;
  sessionStorage.removeItem(FLOW);
  window.history.replaceState(null, "", `${home()}${flow?.search ?? ""}`);
  if (query.has("error")) {
    throw new Refused(0, { detail: query.get("error_description") ?? `The sign-in ended with ${query.get("error")}.` });
  }
  // An answer that nobody here asked for is not taken (RFC 6749, section 10.12).
  if (flow?.state !== query.get("state")) throw new Refused(0, { detail: "This sign-in was not begun here. Try again." });
  const { token_endpoint: endpoint } = await provider(config);
  const answer = await fetch(endpoint, {
    method: "POST",
    credentials: "omit",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: query.get("code"),
      redirect_uri: home(),
      client_id: config.client_id,
      code_verifier: flow.verifier,
    }),
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok || !found.access_token) {
    throw new Refused(answer.status, { detail: found.error_description ?? "The provider gave no token." });
  }
  begin(found);
}
