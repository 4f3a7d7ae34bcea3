// The filter form: one control for each thing a source's leads can be chosen by.
import * as controls from "./controls.js";
import { fill, h } from "./dom.js";

const STATUSES = ["active", "sold", "rejected", "duplicate"];

/** The control of a source's own field. */
function custom(field) {
  const path = `filters.custom.${field.key}`;
  const label = field.label;
  switch (field.kind) {
    case "number": return controls.numbers({ label, path });
    case "date": return controls.days({ label, path });
    case "boolean": return controls.yesOrNo({ label, path });
    case "dropdown": return controls.some({ label, path, options: field.options ?? [] });
    default: return controls.tokens({ label, path });
  }
}

/** The filters of a source with these fields; `earlier` are exports that "new since" can go by. */
export function filterForm(fields, source, earlier) {
  const zone = source.time_zone;
  const since = earlier.map((one) => [one.id, `the export of ${one.requested_at.slice(0, 16).replace("T", " ")} UTC by ${one.requested_by.name}`]);
  /** [where in the body, words, control] */
  const parts = [
    [["status"], "Status", controls.some({ label: "Status", path: "filters.status", options: STATUSES, others: "Another status" })],
    [["search"], "Name, e-mail or phone", controls.text({ label: "Name, e-mail or phone", path: "filters.search", maxlength: 200, placeholder: "Contains …" })],
    [["created"], `Created (days in ${zone})`, controls.days({ label: "Created", path: "filters.created" })],
    [["updated"], `Updated (days in ${zone})`, controls.days({ label: "Updated", path: "filters.updated" })],
    ...fields.filter((field) => field.group === "attribute").map((field) =>
      [["attributes", field.key], field.label, controls.attribute({ label: field.label, path: `filters.attributes.${field.key}` })]),
    ...fields.filter((field) => field.group === "custom").map((field) => [["custom", field.key], field.label, custom(field)]),
  ];
  const more = [
    [["has"], "Must have", controls.keys({ label: "Must have", path: "filters.has", fields })],
    [["lacks"], "Must lack", controls.keys({ label: "Must lack", path: "filters.lacks", fields })],
    [["since_export"], "New or changed since", controls.oneOf({ label: "New or changed since", path: "filters.since_export", options: since })],
  ];
  /** What a preset or an export holds and no control shows: it stays, and is seen. */
  let rest = {};
  const kept = h("div", { class: "kept" });
  const shown = ([, words, control]) => h("div", { class: "field" }, h("span", { class: "label", "aria-hidden": "true" }, words), control.element);
  const element = h("div", { class: "filters" },
    h("div", { class: "grid" }, parts.map(shown)),
    h("details", { class: "more" }, h("summary", {}, "More filters"), h("div", { class: "grid" }, more.map(shown))),
    kept);
  const all = [...parts, ...more];

  function showRest() {
    const names = Object.keys(rest);
    fill(kept, names.length > 0 && h("p", { class: "note" },
      "Also filtered, as it was saved: ", h("code", {}, JSON.stringify(rest)), " ",
      h("button", { type: "button", class: "link", onclick: () => {
        rest = {};
        showRest();
        element.dispatchEvent(new Event("change", { bubbles: true }));
      } }, "Do without")));
  }

  return {
    element,
    read() {
      const filters = structuredClone(rest);
      for (const [place, , control] of all) {
        const value = control.read();
        if (value === undefined) continue;
        if (place.length === 1) filters[place[0]] = value;
        else filters[place[0]] = { ...filters[place[0]], [place[1]]: value };
      }
      return filters;
    },
    write(filters) {
      rest = structuredClone(filters);
      for (const [place, , control] of all) {
        const inside = place.length === 1 ? rest : rest[place[0]];
        const name = place.at(-1);
        if (control.write(inside?.[name])) {
          if (inside) delete inside[name];
          if (place.length === 2 && inside && Object.keys(inside).length === 0) delete rest[place[0]];
        } else {
          control.write(undefined);
        }
      }
      element.querySelector("details").open = more.some(([, , control]) => control.read() !== undefined);
      showRest();
    },
  };
}

/** A filter in words, for the details of an export. */
export function inWords(filters) {
  const entries = Object.entries(filters ?? {});
  if (entries.length === 0) return h("p", {}, "All leads.");
  const value = (part) => (typeof part === "object" ? JSON.stringify(part).replaceAll(/["[\]{}]/g, " ").replaceAll(",", ", ") : String(part));
  const named = ([name, part]) => (["custom", "attributes"].includes(name)
    ? Object.entries(part).map(([key, inner]) => [key, value(inner)])
    : [[name.replaceAll("_", " "), value(part)]]);
  return h("dl", { class: "facts" }, entries.flatMap(named).map(([name, words]) => [h("dt", {}, name), h("dd", {}, words)]));
}

