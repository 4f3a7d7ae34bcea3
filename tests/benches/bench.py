#!/usr/bin/env python3
"""How fast exports are: runs what was built against the canned endpoints, and prints one table.

    bench.py table [--peers] [--big] [--gate]   CPU and memory of a whole process, ours beside others
    bench.py instructions [--gate]              instructions a lead, by callgrind: the same to the digit each time
    bench.py calls [--gate]                     CPU of a cold start, and of one call of each answering function
    bench.py scale [--leads N] [--slices N]     one export in many slices, and the same in one: equal bytes
    bench.py sizes                              the functions' programs: bytes, and what they are linked from
    bench.py plot [--most N]                    measures time and memory over size, and draws figures.svg

Seconds are reported and never asserted: machines differ. What --gate asserts are counts, and ratios taken side by side.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAMS = TARGET / os.environ.get("BENCH_PROFILE", "release")
HERE = pathlib.Path(__file__).resolve().parent
PEERS = TARGET / "bench-peers"
RESULTS = TARGET / "bench-results.json"
REQUEST = {"filters": {"status": ["active", "sold", "duplicate"], "custom": {"annual_income": {"min": 20000}}}}
FUNCTIONS = ["request-export", "run-export", "download-export", "sweep-exports"]

# speed.md: what must hold.
MOST_INSTRUCTIONS = 16_000
MOST_OF_SDK = 0.15
MOST_OF_NODE = 1 / 40
MOST_OF_BOTO3 = 1 / 75
MOST_RSS_MIB = 48
MOST_GROWTH = 1.05
MOST_START_MS = 15
MOST_CALL_MS = 1


class Canned:
    """The canned endpoints, as a process."""

    def __init__(self, leads, *more):
        command = [PROGRAMS / "canned", "--leads", str(leads), *map(str, more)]
        self.leads = leads
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the canned endpoints did not start: build them with `make bench`")
        self.told = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def environment(self, function="run-export"):
        given = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "canned",
            "AWS_SECRET_ACCESS_KEY": "canned",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "canned",
            "AWS_LAMBDA_LOG_STREAM_NAME": "canned",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            **defaults(),
        }
        given.update(self.told)
        return given

    def ask(self, path, body=None):
        url = f"http://{self.told['AWS_LAMBDA_RUNTIME_API']}{path}"
        data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=3600) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{path}: {error.code} {error.read().decode()}")

    def file(self, key):
        """What the bucket knows of the file whose key begins so."""
        return [file for file in json.loads(self.ask("/canned/files")) if file["key"].startswith(key)][-1]


def defaults():
    """The variables of all functions that are no resource's name, as the template has them."""
    return {
        "RETENTION": "7d", "DOWNLOAD_TTL": "5m", "MAX_ACTIVE_EXPORTS": "1000", "SLICE": "12h", "READ_CONSISTENCY": "strong", "READ_UNITS": "0", "DAILY_VOLUME": "0",
        "ORG_CLAIM": "org_id", "SINGLE_ORG": "", "TOKEN_USE": "", "REQUIRED_SCOPE": "", "ALLOWED_ORIGINS": "",
        "EVENT_BUS": "default", "MAIL_FROM": "", "PAGE_URL": "http://127.0.0.1", "JWT_ISSUER": "http://127.0.0.1", "PAGE_CLIENT_ID": "page",
        "PAGE_SCOPE": "openid", "PAGE_AUDIENCE": "", "PAGE_SIGN_IN_ORIGINS": "",
    }


def allocator():
    """What the template tells the allocator of `run-export`."""
    found = re.search(r'(MALLOC_MMAP_THRESHOLD_): "(\d+)"', (ROOT / "template.yaml").read_text())
    return dict([found.groups()])


class Spent:
    """What a process has used, and the file it made."""

    def __init__(self, usage, seconds, file, rss_kib=None):
        self.cpu = usage.ru_utime + usage.ru_stime
        self.rss_mib = (rss_kib or usage.ru_maxrss) / 1024
        self.seconds = seconds
        self.file = file


def peak_kib(pid):
    """The high-water mark of a living process: wait4's would be its parent's if that were larger."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return None


def run_ours(canned, watch=None):
    """An export by the real `run-export`: its bootstrap, fed by a Runtime API, until the record says that it has ended."""
    process = subprocess.Popen([PROGRAMS / "run-export"], env={**canned.environment(), **allocator()}, stdout=subprocess.DEVNULL,
                               stderr=None if os.environ.get("BENCH_LOG") else subprocess.DEVNULL)
    started = time.monotonic()
    export_id = canned.ask("/canned/exports", REQUEST)
    while True:
        export = json.loads(canned.ask(f"/canned/exports/{export_id}"))
        if watch:
            watch(export)
        if export["status"] in ("completed", "failed", "cancelled"):
            break
        time.sleep(0.02)
    seconds = time.monotonic() - started
    rss = peak_kib(process.pid)
    process.send_signal(signal.SIGKILL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    if export["status"] != "completed":
        raise SystemExit(f"the export failed: {export['failure']}")
    file = canned.file(f"files/{export_id}/")
    for name in ("sha256", "crc64nvme", "size_bytes"):
        if file[name] != export[name]:
            raise SystemExit(f"the record's {name} is not the file's")
    file["leads"] = export["lead_count"]
    return Spent(usage, seconds, file, rss)


def run_peer(canned, command, key, **more):
    """Another program that does the job, until it ends."""
    started = time.monotonic()
    process = subprocess.Popen([*map(str, command)], env={**canned.environment(), **more}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed")
    return Spent(usage, time.monotonic() - started, canned.file(key) if key else None)


def install_peers():
    """Node's SDK and boto3, of the versions that are written down, into a folder that git ignores."""
    PEERS.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "node_path.mjs"):
        (PEERS / name).write_text((HERE / "peers" / name).read_text())
    if not (PEERS / "node_modules").exists():
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=PEERS, check=True)
    if not (PEERS / "venv").exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS / "venv"], check=True)
        subprocess.run([PEERS / "venv/bin/pip", "install", "-q", "-r", HERE / "peers/requirements.txt"], check=True)


def variants(peers):
    """Name, what it runs, and the largest number of leads it is given."""
    all_of_them = {
        "lead-export": lambda canned, _: run_ours(canned),
        "Rust SDK + csv crate": lambda canned, _: run_peer(canned, [PROGRAMS / "peer-sdk"], "files/peer/sdk"),
        "floor": lambda canned, size: run_peer(canned, [PROGRAMS / "floor", size], None),
    }
    if peers:
        install_peers()
        all_of_them["Node, SDK v3"] = lambda canned, _: run_peer(canned, ["node", PEERS / "node_path.mjs"], "files/peer/node")
        all_of_them["Python, boto3"] = lambda canned, _: run_peer(
            canned, [PEERS / "venv/bin/python", HERE / "peers/boto3_path.py"], "files/peer/boto3")
    return all_of_them


def table(arguments):
    small, large = arguments.small, arguments.large
    names = variants(arguments.peers)
    slopes = {name: [] for name in names}
    spent = {name: [] for name in names}
    with Canned(small) as few, Canned(large) as many:
        size = {few: 0, many: 0}
        for turn in range(arguments.turns + 1):
            # Side by side, so that whatever else the machine does meets all of them; the first turn warms up.
            for name, run in names.items():
                least, most = (run(canned, size[canned]) for canned in (few, many))
                if name == "lead-export":
                    wanted = [least.file, most.file]
                    size = {few: least.file["size_bytes"], many: most.file["size_bytes"]}
                elif least.file:
                    for ours, theirs in zip(wanted, (least.file, most.file)):
                        if ours["sha256"] != theirs["sha256"]:
                            raise SystemExit(f"{name} wrote other bytes")
                if turn:
                    slopes[name].append((most.cpu - least.cpu) / (large - small) * 1e6)
                    spent[name].append(most)
    ours = slopes["lead-export"]
    rows = []
    for name, values in slopes.items():
        ratio = statistics.median(own / other for own, other in zip(ours, values))
        rss = max(run.rss_mib for run in spent[name])
        seconds = statistics.median(run.seconds for run in spent[name]) / large * 1e6
        rows.append((name, statistics.median(values), min(values), max(values), ratio, rss, seconds))
    print(f"\nCPU seconds (user + system) a million leads: the slope between {small} and {large}; medians of {arguments.turns}, interleaved.")
    print(f"{many.leads} leads are a file of {wanted[1]['size_bytes']} bytes with {wanted[1]['leads']} rows, sha256 {wanted[1]['sha256'][:16]}…, the same from all.\n")
    print(f"| {'':22} | CPU s / 1M (least – most) | ours ÷ this | peak RSS | elapsed s / 1M |")
    print(f"|{'-' * 24}|---|---|---|---|")
    for name, median, least, most, ratio, rss, seconds in rows:
        print(f"| {name:22} | {median:6.2f} ({least:.2f} – {most:.2f}) | {ratio:6.3f} | {rss:4.0f} MiB | {seconds:6.1f} |")
    memory = {}
    for leads in [100_000, 1_000_000] + ([10_000_000] if arguments.big else []):
        with Canned(leads) as canned:
            run = run_ours(canned)
        memory[leads] = run
        print(f"\n{leads:>10} leads: {run.rss_mib:.1f} MiB at most, {run.cpu:.2f} s of CPU, {run.seconds:.1f} s, {run.file['size_bytes']} bytes", end="")
    print()
    RESULTS.write_text(json.dumps({"rows": rows, "memory": {leads: [run.rss_mib, run.cpu, run.seconds] for leads, run in memory.items()}}))
    if arguments.gate:
        limits = {"Rust SDK + csv crate": MOST_OF_SDK, "Node, SDK v3": MOST_OF_NODE, "Python, boto3": MOST_OF_BOTO3}
        for name, _, _, _, ratio, _, _ in rows:
            demand(f"CPU, ours ÷ {name}", ratio, limits.get(name))
        sizes = sorted(memory)
        demand("peak RSS, MiB", max(run.rss_mib for run in memory.values()), MOST_RSS_MIB)
        demand("growth of RSS", memory[sizes[-1]].rss_mib / memory[sizes[0]].rss_mib, MOST_GROWTH)


def demand(what, found, most):
    if most is None:
        return
    print(f"{what}: {found:.4g}, at most {most:.4g}")
    if found > most:
        raise SystemExit(f"too much: {what}")


def instructions(arguments):
    counts = {}
    for leads in (10_000, 30_000):
        out = TARGET / f"callgrind.{leads}.out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", PROGRAMS / "page-to-csv", str(leads)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        totals = [line for line in out.read_text().splitlines() if line.startswith(("summary:", "totals:"))]
        counts[leads] = int(totals[-1].split()[1])
    each = (counts[30_000] - counts[10_000]) / 20_000
    print(f"{each:.0f} instructions a lead: decode, filter and encode")
    if arguments.gate:
        demand("instructions a lead", each, MOST_INSTRUCTIONS)


def cold_start(function, environment):
    """CPU and memory from exec to the first `GET /next`."""
    with socket.create_server(("127.0.0.1", 0)) as runtime_api:
        address = "%s:%d" % runtime_api.getsockname()
        process = subprocess.Popen([PROGRAMS / function], env={**environment, "AWS_LAMBDA_RUNTIME_API": address},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runtime_api.settimeout(30)
        connection, _ = runtime_api.accept()
        request = connection.recv(4096)
        process.send_signal(signal.SIGKILL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        connection.close()
    if b"/invocation/next" not in request:
        raise SystemExit(f"{function} asked for {request[:80]}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def call_cost(canned, hints, function, event, expected):
    """CPU milliseconds of one warm call: the slope between two numbers of calls. What it says to the queue goes to `hints`, which
    would else be handed over as the next event."""
    environment = canned.environment(function)
    environment.update((name, hints.told[name]) for name in ("AWS_ENDPOINT_URL_SQS", "EXPORTS_QUEUE_URL"))
    spent = []
    for count in (20, 120):
        # An event would be lost to the program that was killed before, until its connection is seen to be closed.
        time.sleep(0.5)
        process = subprocess.Popen([PROGRAMS / function], env=environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        answer = json.loads(canned.ask(f"/canned/events?count={count}", event))
        if answer.get("statusCode") != expected:
            raise SystemExit(f"{function}: {answer}")
        process.send_signal(signal.SIGKILL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        spent.append(usage.ru_utime + usage.ru_stime)
    return (spent[1] - spent[0]) / 100 * 1000


def own_cost(call):
    """CPU milliseconds of one call without its calls of AWS: over ports in memory, the slope between two numbers of calls."""
    spent = []
    for count in (200, 2200):
        process = subprocess.Popen([PROGRAMS / "own-calls", call, str(count)], stdout=subprocess.PIPE, text=True)
        answer = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or answer not in ("200", "202"):
            raise SystemExit(f"own-calls {call}: {answer}")
        spent.append(usage.ru_utime + usage.ru_stime)
    return (spent[1] - spent[0]) / 2000 * 1000


def calls(arguments):
    with Canned(5_000) as canned, Canned(1) as hints:
        environment = canned.environment()
        starts = {name: [cold_start(name, environment) for _ in range(arguments.turns * 2)] for name in FUNCTIONS}
        run_ours(canned)
        export_id = canned.file("files/")["key"].split("/")[1]
        def event(method, path, route, body=None, **parameters):
            event = json.loads((ROOT / "events/request-export.json").read_text())
            claims = {"sub": "bench", "org_id": "acme"}
            event["requestContext"]["authorizer"]["jwt"]["claims"] = claims
            event["requestContext"]["http"].update(method=method, path=path)
            event["headers"] = {name: value for name, value in event["headers"].items() if name != "idempotency-key"}
            event.update(routeKey=route, rawPath=path, pathParameters=parameters, body=body)
            event["requestContext"]["routeKey"] = route
            return event
        ask = event("POST", "/sources/canned/exports", "POST /sources/{source}/exports", json.dumps(REQUEST), source="canned")
        link = event("GET", f"/exports/{export_id}/download", "GET /exports/{id}/download", None, id=export_id)
        link["headers"]["accept"] = "application/json"
        costs = {}
        for name, function, sent, status in (("request", "request-export", ask, 202), ("download", "download-export", link, 200)):
            costs[name] = [call_cost(canned, hints, function, sent, status) for _ in range(arguments.turns)]
    print("CPU from exec to the first GET …/next, milliseconds (median, least – most):")
    for name, values in starts.items():
        print(f"  {name:16} {statistics.median(values):6.1f} ({min(values):.1f} – {max(values):.1f})")
    print("CPU of one warm call, milliseconds: in all, and of our own, without what the SDK does to speak to AWS:")
    own = {name: [own_cost(name) for _ in range(arguments.turns)] for name in costs}
    for name, values in costs.items():
        print(f"  {name:16} {statistics.median(values):6.2f} ({min(values):.2f} – {max(values):.2f})"
              f" {statistics.median(own[name]):6.3f} ({min(own[name]):.3f} – {max(own[name]):.3f})")
    if arguments.gate:
        for name, values in starts.items():
            demand(f"cold start of {name}, ms", statistics.median(values), MOST_START_MS)
        for name, values in own.items():
            demand(f"of our own in a {name} call, ms", statistics.median(values), MOST_CALL_MS)


def scale(arguments):
    leads = arguments.leads
    with Canned(leads) as canned:
        whole = run_ours(canned)
    print(f"{leads} leads in one slice: {whole.seconds:.1f} s, {whole.rss_mib:.1f} MiB, sha256 {whole.file['sha256']}", flush=True)
    slice_ms = max(1, int(whole.seconds * 1000 / arguments.slices / 2))
    seen = []
    def watch(export):
        progress = export["progress"]["leads_read"]
        if not seen or progress != seen[-1][1]:
            if seen and progress < seen[-1][1]:
                raise SystemExit(f"progress went back from {seen[-1][1]} to {progress}")
            seen.append((time.monotonic(), progress))
    with Canned(leads, "--slice-ms", slice_ms) as canned:
        sliced = run_ours(canned, watch)
        count = json.loads(canned.ask("/canned/count"))
    still = max((b[0] - a[0] for a, b in zip(seen, seen[1:])), default=0)
    print(f"{leads} leads in {count['invocations']} slices of {slice_ms} ms: {sliced.seconds:.1f} s, {sliced.rss_mib:.1f} MiB, sha256 {sliced.file['sha256']}")
    print(f"progress moved {len(seen)} times, and stood still for {still:.1f} s at most; {count['pages']} pages were read where one slice reads {leads / 1000:.0f}")
    if sliced.file["sha256"] != whole.file["sha256"]:
        raise SystemExit("the files differ")
    if count["invocations"] < arguments.slices:
        raise SystemExit(f"fewer than {arguments.slices} slices")
    if still > 15:
        raise SystemExit("progress stood still for more than 15 s")


def sizes(_):
    print("| function | program | zipped | crates |\n|---|---|---|---|")
    import zipfile
    for name in FUNCTIONS:
        path = PROGRAMS / name
        zipped = TARGET / f"{name}.zip"
        with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "bootstrap")
        tree = subprocess.run(["cargo", "tree", "--locked", "-p", name, "-e", "normal", "--prefix", "none", "--no-dedupe"],
                              cwd=ROOT, check=True, capture_output=True, text=True).stdout
        crates = {line.split(" (")[0] for line in tree.splitlines() if line}
        print(f"| {name} | {path.stat().st_size / 2**20:.1f} MiB | {zipped.stat().st_size / 2**20:.1f} MiB | {len(crates)} |")


COLOURS = {"lead-export": "#0b6e4f", "Rust SDK + csv crate": "#b5541c"}


def draw(panels, path):
    """Panels side by side, both axes logarithmic: title, unit, and for each name its points."""
    from math import ceil, floor, log10
    width, height, left, top = 430, 300, 62, 44
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * len(panels)} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width * len(panels)}" height="{height}" fill="white"/>']
    for number, (title, unit, lines) in enumerate(panels):
        points = [point for line in lines.values() for point in line]
        low_x, high_x = (edge(log10(pick(point[0] for point in points))) for edge, pick in ((floor, min), (ceil, max)))
        low_y, high_y = (edge(log10(pick(point[1] for point in points))) for edge, pick in ((floor, min), (ceil, max)))
        plot_width, plot_height = width - left - 24, height - top - 48
        at_x = lambda x: number * width + left + (log10(x) - low_x) / (high_x - low_x) * plot_width
        at_y = lambda y: top + plot_height - (log10(y) - low_y) / (high_y - low_y) * plot_height
        out.append(f'<text x="{number * width + left}" y="20" font-size="14">{title}</text>')
        for power in range(low_x, high_x + 1):
            x = at_x(10 ** power)
            name = {3: "1 k", 4: "10 k", 5: "100 k", 6: "1 M", 7: "10 M", 8: "100 M"}.get(power, f"10^{power}")
            out.append(f'<path d="M{x:.1f} {top}V{top + plot_height}" stroke="#ddd"/><text x="{x:.1f}" y="{top + plot_height + 18}" text-anchor="middle">{name}</text>')
        for power in range(low_y, high_y + 1):
            y = at_y(10 ** power)
            out.append(f'<path d="M{number * width + left} {y:.1f}h{plot_width}" stroke="#ddd"/><text x="{number * width + left - 6}" y="{y + 4:.1f}" text-anchor="end">{10 ** power:g} {unit}</text>')
        out.append(f'<text x="{number * width + left + plot_width / 2}" y="{height - 8}" text-anchor="middle">leads</text>')
        for name, line in lines.items():
            path_of = " ".join(f"{'L' if index else 'M'}{at_x(x):.1f} {at_y(y):.1f}" for index, (x, y) in enumerate(line))
            out.append(f'<path d="{path_of}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
            out.extend(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3" fill="{COLOURS[name]}"/>' for x, y in line)
            x, y = line[-1]
            out.append(f'<text x="{at_x(x) - 4:.1f}" y="{at_y(y) - 8:.1f}" fill="{COLOURS[name]}" text-anchor="end">{name}</text>')
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n")


def plot(arguments):
    sizes = [leads for leads in (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000) if leads <= arguments.most]
    time_of, memory_of = {name: [] for name in COLOURS}, {name: [] for name in COLOURS}
    for leads in sizes:
        with Canned(leads) as canned:
            runs = {"lead-export": run_ours(canned)}
            # The other way takes ten times as long: up to a million.
            if leads <= 1_000_000:
                runs["Rust SDK + csv crate"] = run_peer(canned, [PROGRAMS / "peer-sdk"], "files/peer/sdk")
        for name, run in runs.items():
            time_of[name].append((leads, run.cpu))
            memory_of[name].append((leads, run.rss_mib))
            print(f"{leads:>9} leads, {name}: {run.cpu:.2f} s of CPU, {run.rss_mib:.0f} MiB", flush=True)
    draw([("CPU seconds of a whole export", "s", time_of), ("Peak memory of the process", "MiB", memory_of)], HERE / "figures.svg")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, work in (("table", table), ("instructions", instructions), ("calls", calls), ("scale", scale), ("sizes", sizes), ("plot", plot)):
        command = commands.add_parser(name)
        command.set_defaults(work=work)
        command.add_argument("--gate", action="store_true")
        command.add_argument("--turns", type=int, default=5)
        if name == "table":
            command.add_argument("--peers", action="store_true")
            command.add_argument("--big", action="store_true", help="ten million leads as well")
            command.add_argument("--small", type=int, default=50_000)
            command.add_argument("--large", type=int, default=250_000)
        if name == "plot":
            command.add_argument("--most", type=int, default=10_000_000)
        if name == "scale":
            command.add_argument("--leads", type=int, default=10_000_000)
            command.add_argument("--slices", type=int, default=100)
    arguments = parser.parse_args()
    arguments.work(arguments)


if __name__ == "__main__":
    main()
