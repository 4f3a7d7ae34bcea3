// The table of a source's exports: it fills itself in.
import * as api from "./api.js";
import { fill, h, leads, say, select } from "./dom.js";
import { isRunning, row } from "./row.js";
import { moment } from "./time.js";
import { visits } from "./visit.js";

const ROWS = 20;
/** How often the table is read: while something runs, while nothing does, while nobody looks. */
const BUSY_MS = 1500;
const QUIET_MS = 15_000;
const HIDDEN_MS = 10_000;

const STATUSES = [["", "Any status"], ["pending", "Pending"], ["processing", "Processing"], ["completed", "Completed"],
  ["failed", "Failed"], ["cancelled", "Cancelled"], ["expired", "Expired"]];
const HEADS = ["File Name", "Requested By", "Requested At", "Completed At", "Status", "Lead Count", "Download"];

/** The table of a source. `who` is {role, user}; `act` does what buttons say; `ended` is told of each export that ends. */
export function historyTable({ source, who, act, links, ended }) {
  let rows = new Map();
  /** Exports made here that the history, which may lag by seconds, has not shown yet. */
  const made = new Map();
  /** The cursors of the pages before this one. */
  let back = [];
  let cursor = null;
  let next = null;
  let timer = null;
  let closed = false;
  const people = new Map([[who.user, "Me"]]);
  const visit = visits(who.user, source.source_id);

  const status = select(STATUSES, { "aria-label": "Status", onchange: () => again() });
  const person = select([["", "Anyone"], [who.user, "Me"]], { "aria-label": "Requested by", onchange: () => again() });
  const older = h("button", { type: "button", onclick: () => turn(() => { back.push(cursor); cursor = next; }) }, "Older");
  const newer = h("button", { type: "button", onclick: () => turn(() => { cursor = back.pop() ?? null; }) }, "Newer");
  const body = h("tbody");
  const table = h("table", { class: "history" },
    h("caption", { class: "unseen" }, `Exports of ${source.name}`),
    h("thead", {}, h("tr", {}, HEADS.map((words) => h("th", { scope: "col", class: words === "Lead Count" ? "number" : null }, words)))), body);
  const empty = h("p", { class: "empty", hidden: true });
  const problem = h("p", { class: "alert", role: "alert", hidden: true });
  const since = h("section", { class: "card since", "aria-labelledby": "since", hidden: true });
  const element = h("section", { class: "card", "aria-labelledby": "exports" },
    h("div", { class: "head" }, h("h2", { id: "exports" }, "Exports"), h("div", { class: "choices" }, status, person)),
    problem, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of exports" }, table), empty,
    h("div", { class: "actions" }, newer, older));

  function turn(move) {
    move();
    read().then(() => table.scrollIntoView({ block: "nearest" }));
  }

  /** From the newest on, by other filters. */
  function again() {
    back = [];
    cursor = null;
    return read();
  }

  let reading = 0;
  /** Reads the page that is shown, and the next time again by itself. */
  async function read() {
    clearTimeout(timer);
    reading += 1;
    const turn = reading;
    try {
      const page = await found();
      if (closed || turn !== reading) return;
      show(page);
      problem.hidden = true;
    } catch (error) {
      if (closed || turn !== reading) return;
      problem.textContent = error.message;
      problem.hidden = false;
    }
    const running = [...rows.values()].some(({ export: one }) => isRunning(one));
    timer = setTimeout(read, document.hidden ? HIDDEN_MS : running ? BUSY_MS : QUIET_MS);
  }

  /** A page may be short, even empty, and not the last: such are read on, a few times. */
  async function found() {
    const query = { status: status.value, requestedBy: person.value, limit: ROWS, cursor };
    let page = await api.history(source.source_id, query);
    const exports = [...page.exports];
    for (let more = 0; exports.length === 0 && page.next_cursor && more < 20; more += 1) {
      page = await api.history(source.source_id, { ...query, cursor: page.next_cursor });
      exports.push(...page.exports);
    }
    return { exports, next: page.next_cursor };
  }

  function show(page) {
    next = page.next;
    const before = rows;
    rows = new Map();
    for (const one of page.exports) made.delete(one.id);
    const unseen = filtered() ? [] : [...made.values()].reverse();
    for (const one of [...unseen, ...page.exports]) {
      const known = before.get(one.id);
      if (known && isRunning(known.export) && !isRunning(one)) ended(one);
      if (known) known.update(one);
      rows.set(one.id, known ?? row(one, { who, act, links }));
      if (!people.has(one.requested_by.id)) {
        people.set(one.requested_by.id, one.requested_by.name);
        person.append(h("option", { value: one.requested_by.id }, one.requested_by.name));
      }
    }
    // One that is on the page no more – another filter, or many newer ones – is asked for by itself until it has ended.
    for (const [id, { export: one }] of before) if (!rows.has(id) && isRunning(one)) follow(id);
    place([...rows.values()].map(({ element: line }) => line));
    table.parentElement.hidden = rows.size === 0;
    empty.hidden = rows.size > 0;
    empty.textContent = filtered() ? "No export is like that." : "No exports yet.";
    newer.disabled = back.length === 0;
    older.disabled = !next;
    newer.hidden = older.hidden = back.length === 0 && !next;
    if (!filtered()) showSince(page.exports);
  }

  /** Whether the page shown is not simply the newest exports. */
  const filtered = () => Boolean(status.value || person.value || cursor);

  /** Puts the rows in order, and moves none that stands right: focus stays where it is. */
  function place(lines) {
    lines.forEach((line, index) => {
      if (body.children[index] !== line) body.insertBefore(line, body.children[index] ?? null);
    });
    while (body.children.length > lines.length) body.lastElementChild.remove();
  }

  const followed = new Set();
  async function follow(id) {
    if (followed.has(id)) return;
    followed.add(id);
    while (!closed && !rows.has(id)) {
      await new Promise((wake) => setTimeout(wake, QUIET_MS));
      const one = await api.exportOf(id).catch(() => null);
      if (one && !isRunning(one)) {
        if (!closed) ended(one);
        break;
      }
    }
    followed.delete(id);
  }

  /** What has ended since the last visit, above everything else. */
  function showSince(exports) {
    const fresh = visit.fresh(exports);
    if (fresh.length === 0) return;
    since.hidden = false;
    fill(since,
      h("div", { class: "head" }, h("h2", { id: "since" }, "Finished since your last visit"),
        h("button", { type: "button", class: "link", onclick: () => { since.hidden = true; visit.dismiss(); } }, "Dismiss")),
      h("ul", { class: "fresh" }, fresh.map((one) => h("li", {},
        h("button", { type: "button", class: "link file", "aria-haspopup": "dialog", onclick: () => act("open", one) }, one.file_name),
        h("span", {}, one.status === "completed" ? leads(one.lead_count ?? 0) : one.status),
        moment(one.completed_at),
        one.links.download && who.role !== "viewer" && h("button", {
          type: "button", class: "small", "aria-label": `Download ${one.file_name}`, onclick: () => act("download", one),
        }, "Download")))));
  }

  const looked = () => { if (!document.hidden) read(); };
  document.addEventListener("visibilitychange", looked);

  return {
    element,
    /** What has ended since the last visit: it comes first on the page. */
    since,
    read,
    /** Shows an export that was just made, before the history knows of it. */
    add(one) {
      if (filtered()) {
        status.value = "";
        person.value = "";
        back = [];
        cursor = null;
      }
      made.set(one.id, one);
      const line = rows.get(one.id) ?? row(one, { who, act, links });
      rows.set(one.id, line);
      table.parentElement.hidden = false;
      empty.hidden = true;
      if (!line.element.isConnected) body.prepend(line.element);
      line.element.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      clearTimeout(timer);
      timer = setTimeout(read, 600);
    },
    /** Shows an export as it is now. */
    update(one) {
      if (made.has(one.id)) made.set(one.id, one);
      rows.get(one.id)?.update(one);
    },
    recent: () => [...rows.values()].map(({ export: one }) => one),
    close() {
      closed = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", looked);
      say("");
    },
  };
}
