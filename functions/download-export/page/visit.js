// When this person last looked at a source's exports, on this machine. A moment, nothing else.

/** The visits of a person to a source. */
export function visits(user, source) {
  const name = `lead-export.visit:${user}:${source}`;
  let last = null;
  try {
    last = localStorage.getItem(name);
    localStorage.setItem(name, new Date().toISOString());
  } catch {
    // A browser that keeps nothing has no last visit.
  }
  let dismissed = false;
  // What ends while the page is open was told; the next visit begins when it is left.
  addEventListener("pagehide", () => {
    try {
      localStorage.setItem(name, new Date().toISOString());
    } catch {
      // As above.
    }
  });
  return {
    /** Those that ended between the last visit and this one. */
    fresh: (exports) => (last === null || dismissed ? [] : exports.filter((one) => one.completed_at && one.completed_at > last && one.completed_at <= opened)),
    dismiss() {
      dismissed = true;
    },
  };
}

const opened = new Date().toISOString();
