// Tells when an export has come to its end: on the page, and on the desktop where that is allowed.
import { h, leads, say } from "./dom.js";

const STAYS_MS = 12_000;

/** A notice at the page's edge; `actions` are [words, what they do]. Errors stay until they are closed. */
export function notice(words, { kind = "info", actions = [] } = {}) {
  const close = () => element.remove();
  const element = h("div", { class: `notice ${kind}`, role: kind === "error" ? "alert" : "group", "aria-label": kind === "error" ? null : "Notice" },
    h("p", {}, words),
    actions.map(([name, act]) => h("button", { type: "button", class: "small", onclick: () => { act(); close(); } }, name)),
    h("button", { type: "button", class: "step", "aria-label": "Close the notice", onclick: close }, "×"));
  document.getElementById("notices").append(element);
  if (kind === "error") return;
  say(words);
  // Who points at it or is inside it is reading it.
  const later = () => setTimeout(() => (element.matches(":hover, :focus-within") ? later() : close()), STAYS_MS);
  later();
}

/** What became of an export, in one sentence. */
export function ending(one) {
  switch (one.status) {
    case "completed": return `${one.file_name} is ready: ${leads(one.lead_count ?? 0)}.`;
    case "failed": return `${one.file_name} failed. ${one.failure?.message ?? ""}`;
    default: return `${one.file_name} is ${one.status}.`;
  }
}

/** Tells an ending, with what can be done now. */
export function tell(one, { download, open }) {
  const actions = one.status === "completed" && download ? [["Download", () => download(one)]] : [];
  notice(ending(one), { kind: one.status === "completed" ? "good" : "info", actions: [...actions, ["Details", () => open(one)]] });
  if (desktop() === "granted" && document.hidden) {
    try {
      const shown = new Notification("lead-export", { body: ending(one), tag: one.id });
      shown.onclick = () => { window.focus(); open(one); };
    } catch {
      // Some browsers allow it to service workers alone; the page has said it already.
    }
  }
}

/** Whether desktop notifications are possible: granted, denied, default, or none. */
export const desktop = () => ("Notification" in window ? Notification.permission : "none");

/** A button that asks for them, as long as nobody has answered. */
export function desktopButton() {
  if (desktop() !== "default") return null;
  const button = h("button", { type: "button", class: "link", onclick: async () => {
    const answer = await Notification.requestPermission();
    button.remove();
    notice(answer === "granted" ? "You will be told on the desktop while this page is open." : "You will be told on this page alone.");
  } }, "Tell me on the desktop");
  return button;
}
