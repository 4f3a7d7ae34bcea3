// What a request would give, before it is made.
import * as api from "./api.js";
import { fill, h, leads, say, size, whole } from "./dom.js";

/** The warnings of exports and previews, in words. */
export const WARNINGS = {
  excel_rows: "Excel shows 1,048,575 rows at most: the rest of this file would not be seen there.",
  excel_cell: "A cell holds more than 32,767 characters: Excel cuts it.",
};

/** How many leads, in words: an estimate says that it is one. */
export function counted({ lead_count: count, exact, size_bytes: bytes, rows }) {
  // The table was busy: nothing is known but how many leads there are.
  if (!exact && count > 0 && rows.length === 0) return `${whole(count)} leads at most – there was no time to look at them`;
  if (exact) return `${leads(count)}, ${size(bytes)}`;
  // Two digits are as much as an estimate knows.
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(count, 1))) - 1);
  return `About ${whole(Math.round(count / unit) * unit)} leads, some ${size(bytes)} – estimated from a part of them`;
}

/** A place for previews. */
export function previewPane() {
  const element = h("div", { class: "preview" });
  let asked = 0;
  return {
    element,
    /** The form has changed: what is shown is of an earlier one. */
    outdate() {
      asked += 1;
      element.classList.add("old");
    },
    clear() {
      asked += 1;
      fill(element);
    },
    async show(source, body) {
      asked += 1;
      const turn = asked;
      element.setAttribute("aria-busy", "true");
      try {
        const found = await api.preview(source, body);
        // A later question, or a change of the form, makes this answer worthless.
        if (turn !== asked) return;
        element.classList.remove("old");
        fill(element, pane(found));
        say(counted(found));
      } finally {
        if (turn === asked) element.removeAttribute("aria-busy");
      }
    },
  };
}

function pane(found) {
  const head = h("p", { class: "count" }, counted(found));
  const warnings = found.warnings.map((warning) => h("p", { class: "note warn" }, WARNINGS[warning] ?? warning));
  if (found.rows.length === 0) {
    const none = found.exact ? "No lead matches. The file would hold its header alone."
      : found.lead_count > 0 ? "Try again in a moment." : "None of the leads looked at matches.";
    return [head, h("p", {}, none), warnings];
  }
  return [head, warnings,
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The first rows of the file" },
      h("table", {},
        h("caption", { class: "unseen" }, "The first rows of the file"),
        h("thead", {}, h("tr", {}, found.columns.map(({ key, header }) => h("th", { scope: "col", title: key }, header)))),
        h("tbody", {}, found.rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))))];
}
