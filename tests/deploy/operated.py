"""The operator's commands against the deployed stack: the lines of OPERATING.md, from nothing to a first file and beyond."""

import csv
import json
import os
import re
import subprocess

from cloud import ORG, STACK

ROWS = 60


class Operate:
    """Runs `lead-export` with an operator's keys."""

    def __init__(self, cli, folder, drive):
        self.cli, self.folder, self.drive = cli, folder, drive
        self.that = drive.checks.that

    def run(self, *words, code=0):
        """What a command prints."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", str(self.folder)),
            "AWS_ENDPOINT_URL": self.drive.cloud.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        command = [*self.cli, *map(str, words)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        if ran.returncode != code:
            self.that(f"`{' '.join(words[:2])}` ends with {code}", False, (ran.returncode, ran.stdout, ran.stderr))
        return ran.stdout

    def on_stack(self, *words, **expected):
        return self.run(*words, "--stack", STACK, "--org", ORG, **expected)

    def by_api(self, *words):
        # The emulator's own form of an API's address: the other one wants a name that resolves.
        url = f"{self.drive.cloud.url}/_aws/execute-api/{self.drive.api}/$default"
        return self.run(*words, "--url", url, "--token", self.drive.issuer.token("root", ORG))

    def export(self, source, to, *flags):
        """A file by the API, as a caller gets it."""
        self.by_api("export", "--source", source, "-o", to, *flags)
        with open(to, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def leads(self, name, numbers):
        path = self.folder / name
        lines = [f"L-{n:03},l{n}@example.com,2026-01-01T00:00:{n:02}Z" for n in numbers]
        path.write_text("\n".join(["lead_id,email,created_at", *lines]) + "\n")
        return path

    def all(self):
        that = self.that
        old = self.leads("old.csv", range(0, ROWS, 2))
        said = self.on_stack("import", old, "--source", "crm", "--user", "root")
        that("`import --stack` makes a source of a file", said == "imported 30, replaced 0, skipped 0\n", said)
        said = self.on_stack("grant", "--source", "crm", "--user", "root", "--role", "exporter")
        that("`grant --stack` gives the first grant", said == "root has exporter on crm of acme\n", said)
        rows = self.export("crm", self.folder / "first.csv")
        that("`export --url` brings the first file", len(rows) == 30, len(rows))
        self.more_shards()
        self.troubles()

    def more_shards(self):
        """OPERATING.md, "How many shards": raised under way, and copied into another source."""
        that = self.that
        self.on_stack("source", "set", "crm", "--shards", "16")
        self.on_stack("import", self.leads("new.csv", range(1, ROWS, 2)), "--source", "crm", "--user", "root")
        raw = self.folder / "raw.csv"
        rows = self.export("crm", raw, "--profile", "raw")
        ids = [row["lead_id"] for row in rows]
        that("with more shards every lead is in the file once, in order", ids == [f"L-{n:03}" for n in range(ROWS)], ids)
        self.on_stack("source", "set", "crm2", "--shards", "4", "--user", "root")
        self.on_stack("import", raw, "--source", "crm2", "--as-is", "--leave-out", "source_id", "--user", "root")
        copied = self.export("crm2", self.folder / "copied.csv", "--profile", "raw")
        same = [{**row, "source_id": "crm2"} for row in rows]
        that("a copy in a source of fewer shards is the same", copied == same, (copied[:1], same[:1]))

    def troubles(self):
        that, drive = self.that, self.drive
        said = self.on_stack("show", drive.export, "--timeline")
        that("`show --timeline --stack` tells what became of an export", "completed" in said.lower(), said)
        said = self.on_stack("stuck", "--json")
        that("`stuck --stack` finds nothing that hangs", json.loads(said) == {"stuck": []}, said)
        # Nobody listens, so none is done before it is cancelled, or hangs.
        with drive.nobody_listens():
            _, cancelled = drive.request(user="root", source="crm")
            _, hanging = drive.request(user="root", source="crm")
            self.on_stack("cancel", cancelled["id"], "--user", "root")
            status = drive.call("GET", f"/exports/{cancelled['id']}", user="root")[1]["status"]
            that("`cancel --stack` cancels", status == "cancelled", status)
            drive.cloud.client("sqs").purge_queue(QueueUrl=drive.outputs["ExportsQueueUrl"])
        said = self.on_stack("retry", hanging["id"], "--user", "root")
        ended = drive.ended(hanging["id"], user="root")
        that("`retry --stack` takes up one that hangs", ended["lead_count"] == ROWS, (said, ended))
        said = self.by_api("retry", cancelled["id"])
        again = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", said)
        if that("`retry --url` asks again for one that has ended", len(again) == 1, said):
            ended = drive.ended(again[0], user="root")
            that("which is done", (ended["status"], ended["lead_count"]) == ("completed", ROWS), ended)
