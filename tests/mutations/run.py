"""Takes one guard of the protocol away at a time and sees that a test goes red and names the invariant.

Usage: run.py [--check] [NAME …]. The guards and what stands for them without are in list.txt. A copy of the workspace is built once, with
both versions of every place, chosen by the variable MUTANT; so a guard costs the run of its tests, one after the other until one panics with
the words of `red`, in its message or in its name: those of the core, or with `in` those of the adapters or of the whole. A panic that comes
without any mutation as well, and is caught, does not count. A test that hangs for ten minutes is as good as red if `red` has "hangs". CARGO may be more than a name: "nice cargo".
FROM names the guard to begin with. Exit 1 if a guard is missed by nobody. --check only looks for the places.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "mutations"
# What is built and where its binary is run: the tests of the core, of the adapters over DynamoDB's stand-in, of the whole.
SUITES = {
    "core": (["-p", "lead-export-core", "--lib"], "shared/core"),
    "aws": (["-p", "lead-export-aws", "--test", "contract"], "shared/aws"),
    "unit": (["-p", "lead-export-aws", "--lib"], "shared/aws"),
    "it": (["-p", "e2e", "--test", "it"], "tests"),
}
# What a suite is asked without any mutation.
SOUND = {
    "core": ["simulate::profiles", "run::", "request::tests", "sweep::", "end::", "download::", "moves::", "piece::", "volume::"],
    "aws": [],
    "unit": [],
    "it": ["adapters::", "wire::"],
}

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


def mutated(text, file, after, one, group):
    """The text of a file with all versions of one place."""
    at = text.find(one, max(text.find(after), 0))
    if at < 0 or (not after and text.count(one) != 1):
        sys.exit(f"{group[0]['name']}: its place is not found, or twice, in {file}")
    return text[:at] + switched(one, group) + text[at + len(one) :]


def places():
    """The guards by their places; each place once."""
    found = {}
    for guard in guards():
        found.setdefault((guard["file"], guard.get("after", ""), guard["-"]), []).append(guard)
    return found


def copy():
    """The copy of the workspace with all switches."""
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
    crates = set()
    for (file, after, one), group in places().items():
        path = source / file
        path.write_text(mutated(path.read_text(encoding="utf-8"), file, after, one, group), encoding="utf-8")
        crates.add(file[: file.index("/src/")])
    for crate in crates:
        with (source / crate / "src/lib.rs").open("a", encoding="utf-8") as lib:
            lib.write(SWITCH)
    return source


def build(source, suite):
    """The folder and the path of a suite's test binary. The crates of others are built already."""
    packages, folder = SUITES[suite]
    # Whatever else was built into this folder meanwhile, of other sources: these are newer.
    for path in source.rglob("*.rs"):
        path.touch()
    done = subprocess.run(
        [*os.environ.get("CARGO", "cargo").split(), "test", "--locked", *packages, "--no-run"],
        cwd=source, env={**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target")}, capture_output=True, text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    binary = re.findall(r"\((\S+)\)", done.stderr)[-1]
    return source / folder, source / binary


PANIC = re.compile(r"thread '(?P<test>.*?)'.* panicked at \S+$")
PATIENCE = 600


def played(folder, binary, tests, name, red=None, usual=()):
    """Whether the tests failed or hung, and what their panics say but for the usual ones, each with its test, up to the first that `red` knows."""
    ran = subprocess.Popen(
        [str(binary), *tests, "--nocapture"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        env={**os.environ, "MUTANT": name, "RUST_BACKTRACE": "0"},
    )
    panics, hangs = [], []

    def give_up():
        hangs.append("hangs")
        ran.kill()

    timer = threading.Timer(PATIENCE, give_up)
    timer.start()
    test = None
    for line in ran.stderr:
        if test is not None:
            said, test = f"{test}: {line.strip()}", None
            if said not in usual:
                panics.append(said)
                if red and re.search(red, said):
                    ran.kill()
                    break
        elif panic := PANIC.search(line):
            test = panic["test"]
    timer.cancel()
    return ran.wait() != 0 or bool(hangs), panics + hangs


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


def judge(guard, folder, binary, usual):
    """Whether a test goes red without the guard and names why; tells what happened."""
    name, seen = guard["name"], "GREEN"
    for test in guard["test"].split():
        began = time.monotonic()
        is_red, panics = played(folder, binary, [test], name, guard["red"], usual)
        named = [words for words in panics if re.search(guard["red"], words)]
        if is_red and named:
            print(f"red    {name} in {time.monotonic() - began:.0f} s by {test}: {named[0][:150]}", flush=True)
            return True
        if is_red:
            seen = f"red, but says {panics[:2]}"
    print(f"MISSED {name} ({guard['why']}): {seen}", flush=True)
    return False


def main(names):
    if "--check" in names:
        texts = {}
        for (file, after, one), group in places().items():
            text = texts.get(file) or (ROOT / file).read_text(encoding="utf-8")
            texts[file] = mutated(text, file, after, one, group)
        print(f"{len(guards())} guards are where they are looked for")
        return 0
    unknown = set(names) - {guard["name"] for guard in guards()}
    if unknown:
        sys.exit(f"not in the list: {sorted(unknown)}")
    known = [guard["name"] for guard in guards()]
    later = set(known[known.index(os.environ["FROM"]) if "FROM" in os.environ else 0 :])
    wanted = [guard for guard in guards() if guard["name"] in (names or later)]
    source = copy()
    missed = []
    for suite in SUITES:
        group = [guard for guard in wanted if guard.get("in", "core") == suite]
        if not group:
            continue
        folder, binary = build(source, suite)
        is_red, usual = played(folder, binary, SOUND[suite], "")
        if is_red:
            sys.exit(f"without any mutation the tests fail: {usual[:3]}")
        missed += [guard["name"] for guard in group if not judge(guard, folder, binary, usual)]
    print(f"{len(wanted) - len(missed)} of {len(wanted)} guards are missed by a test when they are taken away; by none: {missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
