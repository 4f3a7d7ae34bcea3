// A new export: filters, columns, the program it is for; preview, presets, and the request.
import * as api from "./api.js";
import { columnForm } from "./columns.js";
import { fill, field, h, say, select } from "./dom.js";
import { filterForm } from "./filters.js";
import { presetBar } from "./presets.js";
import { previewPane } from "./preview.js";
import { zone } from "./time.js";

const PROGRAMS = [
  ["excel", "Excel", "Commas: for English regions"],
  ["excel-semicolon", "Excel with semicolons", "Decimal commas: for continental regions"],
  ["standard", "Another program", "Plain CSV"],
];
const OTHERS = [["tsv", "TAB between cells (databases)"], ["raw", "Plain CSV without the guard against formulas (raw)"]];

/** What a form begins with: for people, whose program is Excel more often than not. */
const FRESH = { format: { profile: "excel", header: "labels" } };

/** The form of one source. `earlier` are exports to go by, `requested` is told of each new export. */
export function exportForm({ source, fields, earlier, requested }) {
  const filters = filterForm(fields, source, earlier);
  const columns = columnForm(fields);
  const preview = previewPane();
  const errors = h("div", { class: "errors", tabindex: "-1" });
  /** Members that no control shows, of a preset or an export. */
  let rest = {};

  const programs = PROGRAMS.map(([value, words, hint]) => h("label", { class: "program" },
    h("input", { type: "radio", name: "profile", value, checked: value === "excel", onchange: () => { other.value = ""; } }),
    h("span", {}, h("strong", {}, words), h("small", {}, hint))));
  const other = select([["", "As chosen above"], ...OTHERS], { "data-path": "format.profile" });
  const header = select([["labels", "Labels, such as Postal Code"], ["keys", "Keys, such as zip"], ["none", "No header"]], { "data-path": "format.header" });
  const zones = [...new Set(["UTC", source.time_zone, zone])];
  const timeZone = select(zones.map((name) => [name, name]), { "data-path": "format.time_zone" });
  const compression = select([["none", "None"], ["gzip", "gzip (.csv.gz)"]], { "data-path": "format.compression" });
  const order = select([["created_at", "Oldest first"], ["-created_at", "Newest first"]], { "data-path": "order" });
  const limit = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", placeholder: "No limit", "data-path": "limit" });

  const profile = () => other.value || element.querySelector("input[name=profile]:checked").value;

  function read() {
    const most = limit.value.trim();
    const body = { ...rest, filters: filters.read(), order: order.value, format: {
      profile: profile(), header: header.value, time_zone: timeZone.value, compression: compression.value,
    } };
    const chosen = columns.read();
    if (chosen) body.fields = chosen;
    // What is no number is sent as it is, and refused by name.
    if (most !== "") body.limit = /^\d+$/.test(most) ? new api.Typed(most.replace(/^0+(?=.)/, "")) : most;
    return body;
  }

  function write(body) {
    const { filters: wanted, fields: chosen, order: sorted, limit: most, format, ...others } = body;
    rest = others;
    filters.write(wanted ?? {});
    columns.write(chosen);
    order.value = sorted ?? "created_at";
    limit.value = most ?? "";
    const { profile: dialect = "standard", header: first = "keys", time_zone: place = "UTC", compression: packed = "none" } = format ?? {};
    const plain = PROGRAMS.some(([value]) => value === dialect);
    element.querySelector(`input[name=profile][value=${plain ? dialect : "standard"}]`).checked = true;
    other.value = plain ? "" : dialect;
    header.value = first;
    compression.value = packed;
    if (![...timeZone.options].some((option) => option.value === place)) timeZone.append(h("option", { value: place }, place));
    timeZone.value = place;
    element.querySelector(".options").open = !plain || packed !== "none" || Boolean(most) || sorted === "-created_at";
    clear();
    preview.clear();
  }

  function clear() {
    fill(errors);
    for (const control of element.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  }

  /** A refusal in the API's words, and a mark at each control that it names. */
  function refuse(error) {
    const items = error.fields ?? [];
    fill(errors, h("div", { role: "alert", class: "alert" },
      h("p", {}, items.length === 1 ? "One thing must be changed:" : items.length > 1 ? "These must be changed:" : error.message),
      items.length > 0 && h("ul", {}, items.map(({ field: name, message }) => h("li", {}, h("code", {}, name || "request"), ` ${message}`)))));
    for (const { field: name } of items) {
      const marked = nearest(name);
      marked?.setAttribute("aria-invalid", "true");
      for (let fold = marked?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    }
    errors.focus();
  }

  /** The control that stands for a path of the request, or for the nearest path above it. */
  function nearest(path) {
    for (let at = path; at !== ""; at = at.replace(/(^|\.)[^.[]*$|\[\d+\]$/, "")) {
      const found = [...element.querySelectorAll("[data-path]")].find((control) => control.dataset.path === at);
      if (found) return found;
    }
    return null;
  }

  /** Does what a button asks; the button rests meanwhile. */
  async function doing(button, work) {
    clear();
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      refuse(error);
    } finally {
      button.disabled = false;
    }
  }

  let key = api.requestKey();
  let keyed = null;
  const exportButton = h("button", { type: "submit", class: "primary" }, "Export");
  const previewButton = h("button", { type: "button", onclick: () => doing(previewButton, () => preview.show(source.source_id, read())) }, "Preview");
  const resetButton = h("button", { type: "button", class: "link", onclick: () => {
    write(FRESH);
    presets.reset();
  } }, "Clear");

  async function submit() {
    const body = read();
    const text = api.written(body);
    // The same request again after a lost answer is the same export; a changed one is another.
    if (keyed !== text) key = api.requestKey();
    keyed = text;
    const made = await api.request(source.source_id, body, key);
    keyed = null;
    say(`The export ${made.file_name} was requested.`);
    requested(made);
  }

  const presets = presetBar({ source, read, write, failed: refuse });
  const inside = h("div", { id: "new-export-form" });
  const unfold = (open) => {
    inside.hidden = presets.element.hidden = !open;
    fold.setAttribute("aria-expanded", String(open));
  };
  const fold = h("button", { type: "button", class: "fold", "aria-controls": inside.id, onclick: () => unfold(inside.hidden) }, "New export");
  const element = h("form", { class: "card new", "aria-labelledby": "new-export", novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    doing(exportButton, submit);
  }, onchange: () => preview.outdate(), oninput: () => preview.outdate() },
  h("div", { class: "head" }, h("h2", { id: "new-export" }, fold), presets.element), inside);
  fill(inside,
    h("fieldset", {}, h("legend", {}, "Which leads"), filters.element),
    h("fieldset", {}, h("legend", {}, "Which columns"), columns.element),
    h("fieldset", {}, h("legend", {}, "Open in"), h("div", { class: "programs" }, programs),
      h("details", { class: "options" }, h("summary", {}, "Order, limit and format"), h("div", { class: "grid" },
        field("Order", order), field("Leads at most", limit, { path: "limit" }), field("First row", header),
        field("Times in", timeZone), field("Compression", compression), field("Another format", other)))),
    errors, preview.element,
    h("div", { class: "actions" }, resetButton, previewButton, exportButton));
  // At phone width the table would be far below; there it comes first.
  unfold(!matchMedia("(max-width: 640px)").matches);
  return {
    element,
    /** Shows a request, and the form with it. */
    write(body) {
      write(body);
      unfold(true);
    },
    reset: () => write(FRESH),
  };
}
