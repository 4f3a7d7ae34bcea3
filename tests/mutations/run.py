"""Takes one guard of the protocol away at a time and sees that a test goes red and names the invariant.

Usage: run.py [NAME …]. The guards and what stands for them without are in list.txt. A copy of the workspace is built once, with both
versions of every place, chosen by the variable MUTANT; so a guard costs the run of its tests. Exit 1 if one is missed by nobody.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "mutations"
PACKAGE = "lead-export-core"

SWITCH = '''
/// Which guard is taken away.
pub(crate) fn mutant(name: &str) -> bool {
    static MUTANT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    MUTANT.get_or_init(|| std::env::var("MUTANT").unwrap_or_default()) == name
}
'''


def guards():
    """The blocks of list.txt: name, file, what must stand in the output, tests, with, without."""
    found = []
    for line in (ROOT / "tests/mutations/list.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            name, _, why = line[2:].partition(": ")
            found.append({"name": name, "why": why})
        elif line and not line.startswith("#"):
            kind, _, rest = line.partition(" ")
            found[-1][kind] = rest.replace("\\n", "\n")
    return found


def build():
    """The copy with all switches; the test binary's path."""
    source = COPY / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    ).stdout.split(b"\0")
    for name in filter(None, files):
        name = name.decode()
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    with (source / "shared/core/src/lib.rs").open("a", encoding="utf-8") as lib:
        lib.write(SWITCH)
    places = {}
    for guard in guards():
        places.setdefault((guard["file"], guard.get("after", ""), guard["-"]), []).append(guard)
    for (file, after, one), group in places.items():
        path = source / file
        text = path.read_text(encoding="utf-8")
        at = text.find(one, max(text.find(after), 0))
        if at < 0 or (not after and text.count(one) != 1):
            sys.exit(f"{group[0]['name']}: its place is not found, or twice, in {file}")
        path.write_text(text[:at] + switched(one, group) + text[at + len(one) :], encoding="utf-8")
    # The crates of others are built already.
    target = str(ROOT / "target")
    done = subprocess.run(
        ["cargo", "test", "--locked", "-p", PACKAGE, "--lib", "--no-run"],
        cwd=source, env={**os.environ, "CARGO_TARGET_DIR": target}, capture_output=True, text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    binary = re.findall(r"\((\S+)\)", done.stderr)[-1]
    return source / "shared/core", source / binary


def switched(one, group):
    """The place with all its versions behind the switch."""
    picks = [(f'crate::mutant("{guard["name"]}")', guard.get("+", "")) for guard in group]
    if "new" in group[0]:
        return group[0]["new"].replace("PICK", picks[0][0])
    if one.endswith("{"):
        # A condition: `if` or `while`, and what follows up to the brace.
        word, _, condition = one[:-1].strip().partition(" ")
        picks = [(pick, other[:-1].strip().partition(" ")[2]) for pick, other in picks]
        return f"{word} {chain(picks, condition)} {{"
    if one.startswith("let "):
        name, _, value = one.rstrip(" ;").partition(" = ")
        picks = [(pick, other.rstrip(" ;").partition(" = ")[2]) for pick, other in picks]
        return f"{name} = {chain(picks, value)};"
    if one.endswith(";"):
        return chain(picks, one)[1:-1]
    return chain(picks, one)


def chain(picks, one):
    """`(if mutant … { … } else { … })`."""
    choices = "".join(f"if {pick} {{ {other} }} else " for pick, other in picks)
    return f"({choices}{{ {one} }})"


def main(names):
    folder, binary = build()
    wanted = [guard for guard in guards() if not names or guard["name"] in names]
    missed = []
    for guard in [None, *wanted]:
        name = guard["name"] if guard else ""
        tests = guard["test"].split() if guard else ["simulate::profiles", "run::", "request::tests", "sweep::", "end::", "download::"]
        ran = subprocess.run(
            [str(binary), *tests], cwd=folder, capture_output=True, text=True, check=False, timeout=600,
            env={**os.environ, "MUTANT": name, "RUST_BACKTRACE": "0"},
        )
        if guard is None:
            if ran.returncode:
                sys.exit(f"without any mutation the tests fail:\n{ran.stdout[-2000:]}")
            continue
        panics = re.findall(r"panicked at [^\n]*\n([^\n]*)", ran.stdout + ran.stderr)
        named = [words for words in panics if re.search(guard["red"], words)]
        if ran.returncode and named:
            print(f"red    {name}: {named[0][:110]}", flush=True)
        else:
            missed.append(name)
            what = f"red, but says {panics[:2]}" if ran.returncode else "GREEN"
            print(f"MISSED {name} ({guard['why']}): {what}", flush=True)
    print(f"{len(wanted) - len(missed)} of {len(wanted)} guards are missed when they are taken away")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
