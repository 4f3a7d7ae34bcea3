// Times: in the viewer's zone to read, in UTC on hover.
import { h } from "./dom.js";

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

/** The viewer's zone, by its IANA name. */
export const zone = day.resolvedOptions().timeZone;

/** A moment, to be read; a dash where there is none. */
export function moment(instant) {
  if (!instant) return h("span", { class: "none" }, "–");
  const utc = `${instant.slice(0, 19).replace("T", " ")} UTC`;
  return h("time", { datetime: instant, title: utc }, day.format(new Date(instant)));
}

/** The time of day of a moment. */
export const oclock = (instant) => clock.format(new Date(instant));
