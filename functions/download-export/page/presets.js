// Presets: saved requests of a source, under a name.
import * as api from "./api.js";
import { ask, fill, h, id, say } from "./dom.js";

/** The bar above the form: load one, save this one, delete one. */
export function presetBar({ source, read, write, failed }) {
  const name = source.source_id;
  const list = h("select", { "aria-label": "Preset", onchange: () => load() });
  const remove = h("button", { type: "button", class: "link", hidden: true, onclick: () => doing(drop) }, "Delete preset");
  const save = h("button", { type: "button", onclick: () => nameIt() }, "Save as preset …");
  const element = h("div", { class: "presets" }, list, remove, save);

  async function refresh(chosen = "") {
    const presets = await api.presets(name);
    fill(list, h("option", { value: "" }, presets.length > 0 ? "Load a preset …" : "No presets yet"),
      presets.map((preset) => h("option", { value: preset.name, title: `Saved by ${preset.saved_by.name}` }, preset.name)));
    list.value = chosen;
    remove.hidden = list.value === "";
  }

  async function doing(work) {
    try {
      await work();
    } catch (error) {
      failed(error);
    }
  }

  const load = () => doing(async () => {
    const chosen = list.value;
    remove.hidden = chosen === "";
    if (chosen === "") return;
    const preset = await api.preset(name, chosen);
    write(preset.request);
    say(`The preset ${chosen} is loaded.`);
  });

  async function drop() {
    const chosen = list.value;
    if (!await ask(`Delete the preset ${chosen}?`, "Exports made from it stay as they are.", "Delete")) return;
    await api.removePreset(name, chosen);
    await refresh();
    say(`The preset ${chosen} is deleted.`);
    list.focus();
  }

  function nameIt() {
    const input = h("input", { type: "text", id: id("preset"), maxlength: 64, required: true, value: list.value, autocomplete: "off" });
    const problem = h("p", { role: "alert", class: "alert", hidden: true });
    const heading = h("h2", { id: id("save") }, "Save as preset");
    const dialog = h("dialog", { class: "ask", "aria-labelledby": heading.id, onclose: () => dialog.remove() }, heading,
      h("form", { method: "dialog", onsubmit: async (event) => {
        event.preventDefault();
        try {
          const saved = await api.savePreset(name, input.value.trim(), read());
          await refresh(saved.name);
          say(`The preset ${saved.name} is saved.`);
          dialog.close();
        } catch (error) {
          problem.textContent = error.message;
          problem.hidden = false;
        }
      } },
      h("p", {}, "Everybody who exports from this source can use it. A preset of the same name is replaced."),
      h("div", { class: "field" }, h("label", { for: input.id }, "Name"), input),
      problem,
      h("div", { class: "actions" },
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, "Save"))));
    document.body.append(dialog);
    dialog.showModal();
    input.select();
  }

  doing(() => refresh());
  return {
    element,
    /** The form is nobody's preset any more. */
    reset() {
      list.value = "";
      remove.hidden = true;
    },
  };
}
