// The Exported Files page.
import * as api from "./api.js";
import * as auth from "./auth.js";
import { openDetails } from "./details.js";
import { ask as sure, fill, h, say, select } from "./dom.js";
import { exportForm } from "./export-form.js";
import { historyTable } from "./history.js";
import { desktopButton, notice, tell } from "./notices.js";

const main = document.getElementById("main");
const whoPlace = document.getElementById("who");
const SOURCE = "lead-export.source";

/** The ends of the links that were given in this session, by export. */
const links = new Map();
let table = null;
let form = null;
/** Ends the session on time. */
let ending = null;

start();

async function start() {
  let config;
  try {
    config = await auth.config();
    await auth.comeBack(config);
  } catch (error) {
    if (!config) return fill(main, failure(error.message, start));
    notice(error.message, { kind: "error" });
  }
  const session = auth.session();
  if (!session) return welcome(config);
  api.authorize(session.token, () => ended(config));
  fill(whoPlace, h("span", {}, session.name), h("button", { type: "button", class: "link", onclick: () => {
    auth.signOut();
    api.authorize(null);
    welcome(config);
  } }, "Sign out"));
  // The token's end comes whether or not somebody clicks.
  ending = setTimeout(() => ended(config), Math.min(session.until - Date.now(), 2 ** 31 - 1));
  try {
    await enter(session);
  } catch (error) {
    if (error.status !== 401) fill(main, failure(error.message, start));
  }
}

function ended(config) {
  if (!auth.session() && main.dataset.view === "welcome") return;
  auth.signOut();
  api.authorize(null);
  welcome(config);
  notice("Your session has ended. Sign in again.", { kind: "error" });
}

function failure(words, retry) {
  return h("div", { class: "card empty" }, h("p", { role: "alert" }, words), h("button", { type: "button", onclick: retry }, "Try again"));
}

/** The page of those who are not signed in. */
function welcome(config) {
  clearTimeout(ending);
  table?.close();
  table = null;
  main.dataset.view = "welcome";
  fill(whoPlace);
  const attempt = (act) => async () => {
    try {
      await act();
    } catch (error) {
      notice(error.message, { kind: "error" });
    }
  };
  const ways = config.users
    ? config.users.map(({ user, org, about }) => h("button", { type: "button", class: "person", "data-user": user,
      onclick: attempt(async () => { await auth.continueAs(config, { org, user }); await start(); }) },
    h("strong", {}, `Continue as ${user}`), h("small", {}, about)))
    : config.client_id
      ? [h("button", { type: "button", class: "primary", onclick: attempt(() => auth.signIn(config)) }, "Sign in")]
      : [h("p", { class: "note" }, "Signing in is not set up here: this deployment names no client id for the page. The API and the command line take tokens of its issuer.")];
  fill(main, h("div", { class: "card welcome" },
    h("h1", {}, "Exported Files"),
    h("p", {}, "Turn a source's leads into CSV files: every lead that matches, each exactly once."),
    config.users && h("p", { class: "hint" }, "This is the local stack. Its users are for trying things out; they exist on this machine alone."),
    h("div", { class: "people" }, ways)));
}

/** The page of a session: which source. */
async function enter(session) {
  main.dataset.view = "sources";
  fill(main, h("p", { class: "empty", role: "status" }, "Loading …"));
  const sources = await api.sources();
  const asked = new URLSearchParams(location.search).get("export");
  if (sources.length === 0) {
    fill(main, h("div", { class: "card empty" }, h("h1", {}, "Exported Files"), h("p", {}, "There is no source that you may see. Ask an admin of your organization for a grant.")));
    return;
  }
  let first = sources.find((source) => source.source_id === sessionStorage.getItem(SOURCE)) ?? sources[0];
  let opened = null;
  if (asked) {
    opened = await api.exportOf(asked).catch((error) => {
      notice(error.message, { kind: "error" });
      forget();
      return null;
    });
    first = sources.find((source) => source.source_id === opened?.source_id) ?? first;
  }
  const place = h("div");
  const choice = select(sources.map((source) => [source.source_id, source.name || source.source_id]), {
    value: first.source_id, id: "source", onchange: () => show(choice.value),
  });
  async function show(name) {
    sessionStorage.setItem(SOURCE, name);
    try {
      await open(sources.find((source) => source.source_id === name), session, place);
    } catch (error) {
      if (error.status !== 401) fill(place, failure(error.message, () => show(name)));
    }
  }
  fill(main, h("div", { class: "title" },
    h("h1", {}, "Exported Files"),
    h("div", { class: "choices" }, desktopButton(), h("label", { for: "source" }, "Source"), choice)), place);
  await show(first.source_id);
  if (opened && table) act("open", opened);
}

/** Takes `?export=` out of the address: what it named is shown, or cannot be. */
function forget() {
  window.history.replaceState(null, "", api.address("./"));
}

/** A source: its form for those who may export, its table. */
async function open(source, session, place) {
  table?.close();
  form = null;
  const who = { role: source.role, user: session.user };
  const shown = historyTable({ source, who, act, links, ended: (one) => {
    tell(one, { download: who.role === "viewer" ? null : (ready) => act("download", ready), open: (ready) => act("open", ready) });
  } });
  table = shown;
  table.who = who;
  const ask = h("div");
  fill(place, table.since, ask, table.element);
  await table.read();
  if (who.role === "viewer") {
    ask.append(h("p", { class: "card note" }, "You may see this source's exports. To export or download, ask an admin of the source for the exporter's grant."));
    return;
  }
  const fields = await api.fields(source.source_id);
  if (table !== shown) return;
  const made = exportForm({
    source, fields, earlier: table.recent().filter((one) => one.status !== "failed").slice(0, 20),
    requested: (one) => shown.add(one),
  });
  form = made;
  ask.append(made.element);
  made.reset();
}

/** What the buttons of rows, notices and details do. */
async function act(name, one) {
  try {
    await ({ open: details, download, again, cancel, remove, edit })[name](one);
  } catch (error) {
    notice(error.message, { kind: "error" });
  }
}

async function details(one) {
  window.history.replaceState(null, "", api.address(`./?export=${encodeURIComponent(one.id)}`));
  await openDetails(one.id, { who: () => table.who, act, links, closed: forget });
}

/** Follows a fresh link: the browser saves the file under its name. */
async function download(one) {
  const link = await api.link(one.id);
  links.set(one.id, link.url_expires_at);
  table.update(one);
  const anchor = h("a", { href: link.url, download: link.file_name, rel: "noreferrer", hidden: true });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  say(`${link.file_name} is being downloaded.`);
}

async function again(one) {
  const made = await api.request(one.source_id, { again: one.id }, api.requestKey());
  say(`The export ${made.file_name} was requested.`);
  table.add(made);
}

async function cancel(one) {
  table.update(await api.end(one.id));
  say(`${one.file_name} is cancelled.`);
}

async function remove(one) {
  if (!await sure(`Delete ${one.file_name}?`, "The file goes at once, and links to it open nothing. The entry stays in the history.", "Delete")) return;
  table.update(await api.end(one.id));
  say(`${one.file_name} is deleted.`);
}

/** Fills the form with what an export held. */
async function edit(one) {
  const whole = one.filters ? one : await api.exportOf(one.id);
  const { filters, fields, order, limit, format } = whole;
  form?.write({ filters, fields, order, format, ...(limit === null ? {} : { limit }) });
  form?.element.scrollIntoView();
  form?.element.querySelector("input, select")?.focus();
}
