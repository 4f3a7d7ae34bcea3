// One export, whole, in a dialog: what was asked for, how it went, who downloaded it.
import * as api from "./api.js";
import { fill, h, id, leads, size } from "./dom.js";
import { inWords } from "./filters.js";
import { WARNINGS } from "./preview.js";
import { acts, isRunning, linkHint, status } from "./row.js";
import { moment } from "./time.js";

const PROFILES = { standard: "Plain CSV", raw: "Plain CSV, unguarded", excel: "Excel", "excel-semicolon": "Excel with semicolons", tsv: "TAB between cells" };

/** Opens the dialog; it follows the export while that runs. `act` as in a row, and "edit". */
export async function openDetails(exportId, { who, act, links, closed }) {
  const one = await api.exportOf(exportId);
  const heading = h("h2", { id: id("details") }, one.file_name);
  const body = h("div", { class: "body" });
  let timer = null;
  const dialog = h("dialog", { class: "details", "aria-labelledby": heading.id, onclose: () => {
    clearTimeout(timer);
    dialog.remove();
    closed?.();
  } },
  h("div", { class: "head" }, heading, h("button", { type: "button", class: "step", "aria-label": "Close", onclick: () => dialog.close() }, "×")), body);

  async function follow(now) {
    show(now);
    if (!isRunning(now)) return;
    timer = setTimeout(async () => {
      if (!dialog.open) return;
      try {
        follow(await api.exportOf(exportId));
      } catch {
        // The table says what is wrong; the next look may go through.
        follow(now);
      }
    }, 2000);
  }

  function show(now) {
    const may = acts(now, who(now));
    const done = async (name) => {
      await act(name, now);
      if (!dialog.open) return;
      if (name === "again" || name === "edit") dialog.close();
      else follow(await api.exportOf(exportId));
    };
    const until = links.get(now.id);
    const button = (name, words, props = {}) => h("button", { type: "button", "data-act": name, onclick: () => done(name), ...props }, words);
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    fill(body,
      h("div", { class: "status" }, status(now), now.truncated && h("span", { class: "tag" }, "cut at the limit")),
      now.warnings.map((warning) => h("p", { class: "note warn" }, WARNINGS[warning] ?? warning)),
      facts([
        ["Leads", now.lead_count === null ? null : leads(now.lead_count)],
        ["Size", now.size_bytes === null ? null : size(now.size_bytes)],
        ["Requested", [moment(now.requested_at), ` by ${now.requested_by.name}`]],
        ["Completed", now.completed_at && moment(now.completed_at)],
        ["Ended by", now.ended_by?.name],
        ["File kept until", now.status === "completed" && now.file_expires_at ? moment(now.file_expires_at) : null],
        ["Format", `${PROFILES[now.format.profile] ?? now.format.profile}, times in ${now.format.time_zone}${now.format.compression === "gzip" ? ", gzip" : ""}`],
        ["Order", now.order === "-created_at" ? "Newest first" : "Oldest first"],
        ["At most", now.limit === null ? null : leads(now.limit)],
        ["SHA-256", now.sha256 && h("code", {}, now.sha256)],
        ["CRC-64/NVME", now.crc64nvme && h("code", {}, now.crc64nvme)],
        ["Export", h("code", {}, now.id)],
      ]),
      h("h3", {}, "Which leads"), inWords(now.filters),
      h("h3", {}, "Columns"), h("p", { class: "list" }, now.fields.map(({ header }) => header).join(", ")),
      h("h3", {}, "Downloads"),
      now.downloads.length === 0 ? h("p", {}, "None so far.")
        : h("ul", {}, now.downloads.map(({ by, at }) => h("li", {}, moment(at), ` ${by.name}`))),
      h("div", { class: "actions" },
        may.remove && button("remove", "Delete", { class: "quiet" }),
        may.cancel && button("cancel", "Cancel"),
        may.again && button("edit", "Change and export"),
        may.again && !isRunning(now) && button("again", "Export again"),
        may.download && button("download", "Download", { class: "primary" })),
      until && h("p", { class: "hint end" }, linkHint(until)));
    if (focused) (body.querySelector(`[data-act="${focused}"]`) ?? heading)?.focus();
  }

  document.body.append(dialog);
  follow(one);
  dialog.showModal();
  return dialog;
}

function facts(pairs) {
  const some = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false);
  return h("dl", { class: "facts" }, some.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
