"""Deploys what was built to an emulator with IAM enforced, and drives it as its callers and its operator would.

Usage: deploy_test.py [folder of the build, default .aws-sam/build]. A build is what `sam build` leaves: template.yaml, and for each
function its bootstrap. With --programs FOLDER it is this tree's template and the four programs in that folder, as cargo
leaves them: CI gives those of the tests, and compiles no second time. With --cli COMMAND the operator's
commands are tried as well. Everything listens on loopback. Exit 1 if anything is not as it must be, 2 if the tools
(tests/deploy/requirements-emulator.txt) or the build are not there.
"""

import argparse
import contextlib
import re
import shlex
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {
    "RequestExport": "request-export",
    "RunExport": "run-export",
    "DownloadExport": "download-export",
    "SweepExports": "sweep-exports",
}
# Amazon Linux 2023, on which provided.al2023 is built.
GLIBC = (2, 34)


def main(build, programs, cli):
    try:
        import boto3  # noqa: F401
        import cryptography  # noqa: F401
        import ministack  # noqa: F401
        import samtranslator  # noqa: F401
    except ImportError as missing:
        print(f"not installed: {missing.name}; see tests/deploy/requirements-emulator.txt", file=sys.stderr)
        return 2
    from cloud import Cloud, Late, deploy, seed
    from driven import Drive
    from issuer import Issuer
    from operated import Operate

    if programs:
        template, code = ROOT / "template.yaml", {name: programs / program for name, program in PROGRAMS.items()}
    else:
        template, code = build / "template.yaml", {name: build / name / "bootstrap" for name in PROGRAMS}
    for path in [template, *code.values()]:
        if not path.exists():
            print(f"{path} is not there: run `make build` first", file=sys.stderr)
            return 2
    with contextlib.ExitStack() as ends:
        checks = Checks()
        for name, path in code.items():
            needs = glibc(path)
            checks.that(f"{name} needs no later glibc than Amazon Linux 2023 has", (0, 0) < needs <= GLIBC, needs)
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        issuer = ends.enter_context(Issuer.serving())
        cloud = ends.enter_context(Cloud.running(folder))
        try:
            outputs = deploy(cloud, template, code, issuer)
            checks.that("the stack is deployed", set(outputs) >= {"ApiUrl", "LeadsTable", "FilesBucket"}, outputs)
            seed(cloud, outputs)
            drive = Drive(cloud, outputs, issuer, checks)
            if drive.main_job():
                drive.logs_and_figures()
                drive.those_who_may_not()
                lost = drive.breakdown()
                if cli:
                    Operate(cli, folder, drive).all()
                # Last: it waits for the minute.
                drive.found_again(lost)
        except Late as late:
            checks.that(str(late), False, "waited in vain")
        if checks.failed:
            print(cloud.log.read_text(errors="replace")[-9000:], file=sys.stderr)
        print(f"{checks.passed} passed, {checks.failed} failed")
        return 1 if checks.failed else 0


def glibc(program):
    """The newest glibc of which the program wants a symbol: the version names stand in its table of strings."""
    names = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", program.read_bytes())
    return max(((int(major), int(minor)) for major, minor in names), default=(0, 0))


class Checks:
    """Counts what holds and what does not."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def that(self, sentence, holds, seen=None):
        if holds:
            self.passed += 1
            print(f"ok      {sentence}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {sentence}: {seen}", flush=True)
        return holds


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?", default=".aws-sam/build", type=Path)
    parser.add_argument("--programs", type=Path)
    parser.add_argument("--cli", type=shlex.split)
    given = parser.parse_args()
    programs = given.programs.resolve() if given.programs else None
    sys.exit(main(given.build.resolve(), programs, given.cli))
