// The controls of the filters. Each has an element, reads its value (undefined: no filter) and writes one; writing answers
// whether the control can show the value.
import { Typed } from "./api.js";
import { fill, h, id, select } from "./dom.js";

/** Several texts: typed ones become chips by Enter or comma. */
export function tokens({ label, path, suggestions = [], hint }) {
  let values = [];
  const list = h("datalist", { id: id("known") }, suggestions.map((value) => h("option", { value })));
  const chips = h("ul", { class: "chips", "aria-label": label });
  const input = h("input", {
    id: id("values"), type: "text", list: list.id, autocomplete: "off", "aria-label": label, placeholder: hint ?? "Type, then Enter",
    onkeydown: (event) => {
      if (event.key === "Enter" || event.key === ",") {
        event.preventDefault();
        take();
      } else if (event.key === "Backspace" && input.value === "" && values.length > 0) {
        values.pop();
        show();
        changed();
      }
    },
    onchange: () => take(),
  });
  const element = h("div", { class: "tokens", "data-path": path }, chips, input, list);
  const changed = () => element.dispatchEvent(new Event("change", { bubbles: true }));
  function take() {
    const added = input.value.split(",").map((part) => part.trim()).filter((part) => part !== "" && !values.includes(part));
    input.value = "";
    if (added.length === 0) return;
    values.push(...added);
    show();
    changed();
  }
  function show() {
    fill(chips, values.map((value) => h("li", {}, value, h("button", {
      type: "button", "aria-label": `Remove ${value}`,
      onclick: () => {
        values = values.filter((other) => other !== value);
        show();
        changed();
        input.focus();
      },
    }, "×"))));
  }
  return {
    element,
    read: () => (values.length > 0 ? [...values] : undefined),
    write(value) {
      if (value !== undefined && !(Array.isArray(value) && value.every((part) => typeof part === "string"))) return false;
      values = [...(value ?? [])];
      show();
      return true;
    },
  };
}

/** Some of a few: boxes to tick. Others than those shown can be typed where `others` says so. */
export function some({ label, path, options, others }) {
  const boxes = options.map((option) => h("input", { type: "checkbox", value: option }));
  const more = others ? tokens({ label: others, hint: others }) : null;
  const element = h("div", { class: "some", role: "group", "aria-label": label, "data-path": path },
    boxes.map((box, index) => h("label", { class: "box" }, box, capitalised(options[index]))), more?.element);
  return {
    element,
    read() {
      const values = [...boxes.filter((box) => box.checked).map((box) => box.value), ...(more?.read() ?? [])];
      return values.length > 0 ? values : undefined;
    },
    write(value) {
      if (value !== undefined && !Array.isArray(value)) return false;
      const folded = (value ?? []).map((part) => String(part).toLowerCase());
      const known = options.map((option) => option.toLowerCase());
      const rest = (value ?? []).filter((part) => !known.includes(String(part).toLowerCase()));
      if (rest.length > 0 && !more) return false;
      boxes.forEach((box, index) => { box.checked = folded.includes(known[index]); });
      return more?.write(rest.length > 0 ? rest : undefined) ?? true;
    },
  };
}

export const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** From and to: days. */
export function days({ label, path }) {
  const [from, to] = ["from", "to"].map((end) => h("input", {
    type: "date", min: "0001-01-01", max: "9999-12-31", "aria-label": `${label} ${end}`, "data-path": `${path}.${end}`,
  }));
  return range(label, path, ["from", "to"], [from, to], {
    read: (text) => text,
    shows: (value) => typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value),
  });
}

/** Least and greatest: decimal numbers, kept as they are typed. */
export function numbers({ label, path }) {
  const [min, max] = [["min", "from"], ["max", "to"]].map(([end, word]) => h("input", {
    type: "text", inputmode: "decimal", autocomplete: "off", pattern: "-?[0-9]+(\\.[0-9]+)?", placeholder: word,
    "aria-label": `${label} ${word}`, "data-path": `${path}.${end}`,
  }));
  return range(label, path, ["min", "max"], [min, max], {
    // What reads as no number goes to the API as a text, which it refuses by name: nothing is left out in silence.
    read: (text) => (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? new Typed(text) : text),
    shows: (value) => typeof value === "number" || typeof value === "string",
  });
}

function range(label, path, names, inputs, { read, shows }) {
  const element = h("div", { class: "range", role: "group", "aria-label": label, "data-path": path },
    inputs[0], h("span", { "aria-hidden": "true" }, "–"), inputs[1]);
  return {
    element,
    read() {
      const value = {};
      names.forEach((name, index) => {
        const text = inputs[index].value.trim();
        if (text !== "") value[name] = read(text);
      });
      return Object.keys(value).length > 0 ? value : undefined;
    },
    write(value) {
      const given = Object.entries(value ?? {});
      if (!given.every(([name, part]) => names.includes(name) && shows(part))) return false;
      names.forEach((name, index) => { inputs[index].value = String(value?.[name] ?? ""); });
      return true;
    },
  };
}

/** Yes, no, or either. */
export function yesOrNo({ label, path }) {
  const choice = select([["", "Either"], ["true", "Yes"], ["false", "No"]], { "aria-label": label, "data-path": path });
  return {
    element: choice,
    read: () => (choice.value === "" ? undefined : choice.value === "true"),
    write(value) {
      if (value !== undefined && typeof value !== "boolean") return false;
      choice.value = value === undefined ? "" : String(value);
      return true;
    },
  };
}

/** The values of an attribute: any, none, or some of these. */
export function attribute({ label, path }) {
  const values = tokens({ label: `${label} is one of`, hint: "Values" });
  const mode = select([["", "Does not matter"], ["any", "Has a value"], ["none", "Has none"], ["of", "Is one of …"]], {
    "aria-label": label, onchange: () => show(),
  });
  const show = () => { values.element.hidden = mode.value !== "of"; };
  show();
  return {
    element: h("div", { class: "attribute", "data-path": path }, mode, values.element),
    read() {
      if (mode.value === "any") return true;
      if (mode.value === "none") return false;
      // An empty list is refused by the API in its words; to leave it out would export everything.
      return mode.value === "of" ? (values.read() ?? []) : undefined;
    },
    write(value) {
      if (!values.write(Array.isArray(value) ? value : undefined)) return false;
      if (value !== undefined && typeof value !== "boolean" && !Array.isArray(value)) return false;
      mode.value = value === undefined ? "" : value === true ? "any" : value === false ? "none" : "of";
      show();
      return true;
    },
  };
}

/** Fields that must be filled, or empty. */
export function keys({ label, path, fields }) {
  let chosen = [];
  const words = new Map(fields.map((field) => [field.key, field.label]));
  const list = h("ul", { class: "chips", "aria-label": label });
  const add = select([["", "Add a field …"], ...fields.map((field) => [field.key, field.label])], {
    "aria-label": label,
    onchange: () => {
      if (add.value !== "" && !chosen.includes(add.value)) chosen.push(add.value);
      add.value = "";
      show();
    },
  });
  function show() {
    fill(list, chosen.map((key) => h("li", {}, words.get(key), h("button", {
      type: "button", "aria-label": `Remove ${words.get(key)}`,
      onclick: () => {
        chosen = chosen.filter((other) => other !== key);
        show();
        add.dispatchEvent(new Event("change", { bubbles: true }));
        add.focus();
      },
    }, "×"))));
  }
  return {
    element: h("div", { class: "tokens", "data-path": path }, list, add),
    read: () => (chosen.length > 0 ? [...chosen] : undefined),
    write(value) {
      if (value !== undefined && !(Array.isArray(value) && value.every((key) => words.has(key)))) return false;
      chosen = [...(value ?? [])];
      show();
      return true;
    },
  };
}

/** A text. */
export function text({ label, path, ...props }) {
  const input = h("input", { type: "search", autocomplete: "off", "aria-label": label, "data-path": path, ...props });
  return {
    element: input,
    read: () => (input.value === "" ? undefined : input.value),
    write(value) {
      if (value !== undefined && typeof value !== "string") return false;
      input.value = value ?? "";
      return true;
    },
  };
}

/** One of these, or nothing. */
export function oneOf({ label, path, options }) {
  const choice = select([["", "Does not matter"], ...options], { "aria-label": label, "data-path": path });
  return {
    element: choice,
    read: () => (choice.value === "" ? undefined : choice.value),
    write(value) {
      if (value !== undefined && !options.some(([known]) => known === value)) return false;
      choice.value = value ?? "";
      return true;
    },
  };
}
