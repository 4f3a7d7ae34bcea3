// Makes elements. Text is always text: nothing on this page is parsed as markup.

/** An element: h("button", { class: "small", onclick: f }, "Text", child). Null children and attributes are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "indeterminate") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  fill(element, ...children);
  return element;
}

/** Puts children in place of those that are there. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
}

let last = 0;

/** An id that nothing else on the page has. */
export function id(of) {
  last += 1;
  return `${of}-${last}`;
}

/** A labelled control: the label above it, a hint below. `path` is where the API names what is wrong with it. */
export function field(label, control, { path, hint, wide } = {}) {
  control.id ||= id("field");
  const note = hint ? h("small", { id: id("hint"), class: "hint" }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  if (path) control.dataset.path = path;
  return h("div", { class: wide ? "field wide" : "field" }, h("label", { for: control.id }, label), control, note);
}

/** A choice of one: options are [value, words]. */
export function select(options, props = {}) {
  const element = h("select", props, options.map(([value, words]) => h("option", { value }, words)));
  if (props.value !== undefined) element.value = props.value;
  return element;
}

/** Says something to those who hear the page. */
export function say(words) {
  const place = document.getElementById("said");
  // The same words twice are said twice only if the place was empty in between.
  place.textContent = "";
  setTimeout(() => { place.textContent = words; }, 50);
}

/** Asks a yes-or-no question in a dialog; the answer is a promise. */
export function ask(question, detail, yes) {
  return new Promise((answer) => {
    const heading = h("h2", { id: id("question") }, question);
    const dialog = h("dialog", { class: "ask", "aria-labelledby": heading.id, onclose: () => {
      dialog.remove();
      answer(dialog.returnValue === "yes");
    } },
    heading, h("p", {}, detail),
    h("div", { class: "actions" },
      h("button", { type: "button", onclick: () => dialog.close("no") }, "Not now"),
      h("button", { type: "button", class: "danger", onclick: () => dialog.close("yes") }, yes)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

const count = new Intl.NumberFormat();
/** A whole number with its thousands set apart. */
export const whole = (number) => count.format(number);

/** "1 lead", "1,000 leads". */
export const leads = (number) => `${whole(number)} ${number === 1 ? "lead" : "leads"}`;

/** A size for people: 1 KB is 1,000 bytes, as file managers count. */
export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const format = { style: "unit", unit: units[step], unitDisplay: step === 0 ? "long" : "short", maximumFractionDigits: step === 0 ? 0 : 1 };
  return new Intl.NumberFormat(undefined, format).format(bytes / 1000 ** step);
}
