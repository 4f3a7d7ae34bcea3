// One export in the table.
import { capitalised } from "./controls.js";
import { fill, h, whole } from "./dom.js";
import { moment, oclock } from "./time.js";

export const isRunning = (one) => one.status === "pending" || one.status === "processing";

/** What a user of this role may do with an export. */
export function acts(one, { role, user }) {
  const exporter = role !== "viewer";
  const mine = one.requested_by.id === user;
  const may = role === "admin" || (exporter && mine);
  return {
    download: exporter && one.links.download !== null,
    again: exporter && one.delivery === "file",
    cancel: may && isRunning(one),
    remove: may && one.status === "completed" && one.delivery === "file",
  };
}

/** The status, and how far a run is. */
export function status(one) {
  const badge = h("span", { class: `badge ${one.status}` }, capitalised(one.status));
  if (!isRunning(one)) return one.failure ? [badge, h("small", { class: "why" }, one.failure.message)] : [badge];
  const { fraction, leads_read: read } = one.progress;
  const percent = fraction === null ? null : Math.floor(fraction * 100);
  const words = percent === null ? `${whole(read)} leads read` : `${percent} %`;
  const bar = h("progress", { max: 100, "aria-label": `Progress of ${one.file_name}`, ...(percent === null ? {} : { value: percent }) });
  return [badge, h("span", { class: "progress" }, bar, h("small", {}, words))];
}

/** The sentence beside a link that was given. */
export const linkHint = (until) => `The link works for whoever holds it until ${oclock(until)}. Send the file, not the link.`;

/** A file's name, with places where it may be broken. */
export const breakable = (name) => name.split(/(?<=_)/).flatMap((part, index) => (index === 0 ? [part] : [h("wbr"), part]));

/** A row. `act(name, export)` does what its buttons say; `links` holds the ends of links that were given. */
export function row(first, { who, act, links }) {
  const element = h("tr", { "data-export": first.id });
  let shown = "";
  let one = first;

  function button(name, words, props = {}) {
    return h("button", { type: "button", "data-act": name, "aria-label": `${words} ${one.file_name}`, onclick: () => act(name, one), ...props }, words);
  }

  function update(next) {
    one = next;
    const until = links.get(one.id) ?? null;
    const now = JSON.stringify([one, until]);
    if (now === shown) return;
    shown = now;
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    const may = acts(one, who);
    const cell = (label, ...children) => h("td", { "data-label": label }, ...children);
    fill(element,
      h("th", { scope: "row", "data-label": "File Name" },
        h("button", { type: "button", class: "link file", "data-act": "open", "aria-haspopup": "dialog", onclick: () => act("open", one) }, breakable(one.file_name)),
        one.format?.profile === "raw" && h("span", { class: "tag", title: "Without the guard against formulas" }, "raw"),
        one.delivery === "inline" && h("span", { class: "tag", title: "Given in the answer; there is no file" }, "in the answer")),
      cell("Requested By", one.requested_by.name),
      cell("Requested At", moment(one.requested_at)),
      cell("Completed At", moment(one.completed_at)),
      cell("Status", status(one)),
      h("td", { "data-label": "Lead Count", class: "number" }, one.lead_count === null ? h("span", { class: "none" }, "–") : whole(one.lead_count)),
      h("td", { "data-label": "Download", class: "do" },
        h("div", { class: "buttons" },
          may.download && button("download", "Download", { class: "primary small" }),
          may.cancel && button("cancel", "Cancel", { class: "small" }),
          may.again && !isRunning(one) && button("again", "Export again", { class: "link" }),
          may.remove && button("remove", "Delete", { class: "link quiet" })),
        until && h("p", { class: "hint" }, linkHint(until))));
    if (focused) (element.querySelector(`[data-act="${focused}"]`) ?? element.querySelector("[data-act]"))?.focus();
  }

  update(first);
  return { element, update, get export() { return one; } };
}
