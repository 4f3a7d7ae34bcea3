// The columns: all, or these in this order, under these headers.
import { fill, h, say, select } from "./dom.js";

/** What most people want first, as far as the source has it. */
const STARTER = ["lead_id", "name", "email", "phone", "status", "created_at"];

/** The choice of columns of a source with these fields. */
export function columnForm(fields) {
  const known = new Map(fields.map((field) => [field.key, field]));
  /** {key, header}; the key "*" stands for all that are not named. */
  let chosen = null;
  const list = h("ol", { class: "columns", "aria-label": "Columns in order" });
  const add = select([], { "aria-label": "Add a column", onchange: () => {
    chosen.push({ key: add.value, header: "" });
    show();
    changed();
    list.lastElementChild?.querySelector("input")?.focus();
  } });
  const all = h("input", { type: "radio", name: "columns", checked: true, onchange: () => write(null) });
  const these = h("input", { type: "radio", name: "columns", onchange: () => write(STARTER.filter((key) => known.has(key)).map((key) => ({ key, header: "" }))) });
  const chooser = h("div", { class: "chooser" }, list, add);
  const element = h("div", { "data-path": "fields" },
    h("div", { class: "choices" },
      h("label", { class: "box" }, all, `All ${fields.length}`),
      h("label", { class: "box" }, these, "Choose, order, rename")),
    chooser);
  const changed = () => element.dispatchEvent(new Event("change", { bubbles: true }));
  const words = (key) => (key === "*" ? "All other columns" : known.get(key)?.label ?? key);

  function move(index, by, button) {
    const [column] = chosen.splice(index, 1);
    chosen.splice(index + by, 0, column);
    show();
    changed();
    say(`${words(column.key)} is now column ${index + by + 1} of ${chosen.length}.`);
    const row = list.children[index + by];
    const again = row.querySelector(`[data-move="${button}"]`);
    (again.disabled ? row.querySelector("[data-move]:not(:disabled)") : again)?.focus();
  }

  function row(column, index) {
    const label = words(column.key);
    const step = (by, name, sign) => h("button", {
      type: "button", class: "step", "data-move": name, "aria-label": `Move ${label} ${name}`, title: `Move ${name}`,
      disabled: index + by < 0 || index + by >= chosen.length, onclick: () => move(index, by, name),
    }, sign);
    return h("li", { "data-path": `fields[${index}]` },
      h("span", { class: "name", title: column.key }, label),
      column.key === "*" ? h("span", {}) : h("input", {
        type: "text", value: column.header, maxlength: 255, placeholder: "Header", "aria-label": `Header of ${label}`,
        "data-path": `fields[${index}].header`, oninput: (event) => { column.header = event.target.value; },
      }),
      step(-1, "up", "↑"), step(1, "down", "↓"),
      h("button", { type: "button", class: "step", "aria-label": `Remove ${label}`, title: "Remove", onclick: () => {
        chosen.splice(index, 1);
        show();
        changed();
        add.focus();
      } }, "×"));
  }

  function show() {
    all.checked = chosen === null;
    these.checked = chosen !== null;
    chooser.hidden = chosen === null;
    if (chosen === null) return;
    fill(list, chosen.map(row));
    const left = [{ key: "*", label: "All other columns" }, ...fields].filter((field) => !chosen.some((column) => column.key === field.key));
    fill(add, [["", "Add a column …"], ...left.map((field) => [field.key, field.label])].map(([value, label]) => h("option", { value }, label)));
    add.value = "";
  }

  function write(columns) {
    chosen = columns;
    show();
    changed();
  }

  show();
  return {
    element,
    read: () => chosen?.map(({ key, header }) => (header === "" || key === "*" ? key : { key, header })),
    /** Takes `fields` of a request, or of an export, whose headers are named even where they are the field's own. */
    write(columns) {
      const own = ({ key, header }) => header === key || header === known.get(key)?.label;
      write(columns?.map((column) => (typeof column === "string" ? { key: column, header: "" } : { key: column.key, header: own(column) ? "" : column.header })) ?? null);
    },
  };
}
