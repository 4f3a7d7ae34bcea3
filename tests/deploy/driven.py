"""The deployed system as its callers use it, and what happens to it when messages are lost or poisonous."""

import contextlib
import csv
import io
import json
import time
import urllib.error
import urllib.request

from cloud import LEADS, ORG, SOURCE, STACK, opener, until


class Drive:
    """Uses the deployed system, and damages it."""

    def __init__(self, cloud, outputs, issuer, checks):
        self.cloud, self.outputs, self.issuer, self.checks = cloud, outputs, issuer, checks
        self.api = outputs["ApiUrl"].split("//")[1].split(".")[0]
        # The emulator tells APIs apart by the host.
        self.host, self.port = f"{self.api}.execute-api.localhost", cloud.url.rsplit(":", 1)[1]

    def call(self, method, path, user="alice", body=None, token=None, headers=None, org=ORG, **claims):
        token = token if token is not None else self.issuer.token(user, org, **claims)
        request = urllib.request.Request(
            f"{self.cloud.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Host": f"{self.host}:{self.port}",
                "Accept": "application/json",
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {token}"} if token else {}),
                **(headers or {}),
            },
        )
        try:
            with opener().open(request, timeout=40) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            body = refused.read()
            try:
                return refused.code, json.loads(body or b"null")
            except ValueError:
                return refused.code, body.decode(errors="replace")

    def request(self, body=None, source=SOURCE, **caller):
        return self.call("POST", f"/sources/{source}/exports", body=body or {}, **caller)

    def ended(self, export, within=90, **caller):
        def look():
            status, seen = self.call("GET", f"/exports/{export}", **caller)
            return seen if status == 200 and seen["status"] not in ("pending", "processing") else None

        return until(within, look, f"the export {export} ends")

    def history(self):
        """The history's entries by their ids."""
        status, page = self.call("GET", f"/sources/{SOURCE}/exports", user="vera")
        return {entry["id"]: entry for entry in page["exports"]} if status == 200 else {}

    def log(self, function):
        """The lines that a function has logged."""
        logs, group = self.cloud.client("logs"), f"/aws/lambda/{STACK}-{function}"
        lines = []
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            for event in page["events"]:
                try:
                    lines.append(json.loads(event["message"]))
                except ValueError:
                    pass
        return lines

    def main_job(self):
        that = self.checks.that
        status, sources = self.call("GET", "/sources")
        that("a user sees the sources of the grants", status == 200 and len(sources["sources"]) == 1, (status, sources))
        # As API Gateway gives it to every call.
        self.trace = "1-" + format(int(time.time()), "08x") + "-0b1c2d3e4f5a6b7c8d9e0f1a"
        headers = {"X-Amzn-Trace-Id": f"Root={self.trace}"}
        status, export = self.request({"filters": {"status": ["active"]}}, headers=headers)
        if not that("a request is accepted", status == 202, (status, export)):
            return False
        ended = self.ended(export["id"])
        expected = LEADS // 2
        that("the worker completes it", (ended["status"], ended["lead_count"]) == ("completed", expected), ended)
        status, link = self.call("GET", f"/exports/{export['id']}/download")
        if not that("a link is handed out", status == 200 and "url" in link, (status, link)):
            return False
        with opener().open(link["url"], timeout=30) as answer:
            content = answer.read().decode()
        rows = list(csv.DictReader(io.StringIO(content)))
        that("the link gives the file to whoever holds it", len(rows) == expected, len(rows))
        names = {row["last_name"] for row in rows}
        that("its cells are the leads'", 'O"Neil 1' in names and len(names) == expected, sorted(names)[:3])
        self.export = export["id"]
        return True

    def logs_and_figures(self):
        """What OPERATING.md says of logs: the id in every function's lines, one trace through the queue, figures."""
        asked, ran, answered = (
            [line for line in self.log(function) if self.export in json.dumps(line)]
            for function in ("request-export", "run-export", "download-export")
        )
        that = self.checks.that
        that("request-export, run-export and download-export log the export's id", asked and ran and answered, (asked, ran))
        traced = [any(self.trace in json.dumps(line) for line in lines) for lines in (asked, ran)]
        that("the trace id travels with the message", traced == [True, True], traced)
        figures = [line for line in self.log("run-export") if "_aws" in line]
        ends = [line for line in figures if line.get("Status") == "completed"]
        that("the figures of its end are in the log", ends and ends[0]["Leads"] == LEADS // 2, figures)

    def those_who_may_not(self):
        that = self.checks.that
        status, _ = self.call("GET", f"/exports/{self.export}/download", user="vera")
        that("a viewer gets no link", status == 403, status)
        status, _ = self.request(user="vera")
        that("a viewer makes no export", status == 403, status)
        that("a viewer sees the history", self.history().get(self.export, {}).get("status") == "completed")
        other, own = (self.call("GET", path, user="gina", org="globex") for path in self.two_paths())
        that("another organization's export does not exist", other[0] == 404 and other == own, (other, own))
        status, _ = self.request(user="gina", org="globex")
        that("nor does its source", status == 404, status)
        for sentence, token in [
            ("no token", ""),
            ("a token of nobody's", "a.b.c"),
            ("a token that has ended", self.issuer.token("alice", ORG, exp=int(time.time()) - 60)),
            ("a token for others", self.issuer.token("alice", ORG, aud="others")),
        ]:
            status, _ = self.call("GET", "/sources", token=token)
            that(f"{sentence} is refused", status == 401, status)

    def two_paths(self):
        return f"/exports/{self.export}", "/exports/00000000-0000-4000-8000-000000000000"

    def breakdown(self):
        """Messages that are lost, make no sense, or can only fail. Answers with the export whose message was lost."""
        that, sqs, queue = self.checks.that, self.cloud.client("sqs"), self.outputs["ExportsQueueUrl"]
        with self.nobody_listens():
            status, lost = self.request()
            that("a request is accepted while nobody listens", status == 202, status)
            sqs.purge_queue(QueueUrl=queue)
            _, poison = self.request()
            # As a later release would have written it.
            self.reshape(poison["id"], 2)
            sqs.send_message(QueueUrl=queue, MessageBody="{")
        _, other = self.request()
        that("messages that make no sense or always fail stop nobody", self.ended(other["id"])["status"] == "completed")
        self.poison(poison["id"])
        return lost["id"]

    @contextlib.contextmanager
    def nobody_listens(self):
        """Without run-export: hints stay in the queue."""
        functions = self.cloud.client("lambda")
        mappings = functions.list_event_source_mappings(FunctionName=f"{STACK}-run-export")["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mappings[0]["UUID"], Enabled=False)
        # A poll that is under way still takes what comes.
        time.sleep(3)
        yield
        functions.update_event_source_mapping(UUID=mappings[0]["UUID"], Enabled=True)

    def reshape(self, export, version):
        self.cloud.client("dynamodb").update_item(
            TableName=self.outputs["ExportsTable"],
            Key={"PK": {"S": f"{ORG}#{export}"}, "SK": {"S": "export"}},
            UpdateExpression="SET v = :v",
            ExpressionAttributeValues={":v": {"N": str(version)}},
        )

    def poison(self, export):
        """A hint whose record no run can read: it is given up, told by name, and lost is nothing."""

        def told(function, words):
            lines = [json.dumps(line) for line in self.log(function)]
            return any(export in line and words in line for line in lines)

        that = self.checks.that
        words = "the record has the shape 2, which this release does not know"
        until(60, lambda: told("run-export", words), "run-export says why a hint fails")
        that("run-export says why a hint fails", True)
        until(90, lambda: told("sweep-exports", words), "a hint that always fails reaches the dead-letter queue")
        that("it reaches the dead-letter queue, whose reader names its export", True)
        that("the history shows the export all the same", self.history().get(export, {}).get("status") == "pending")
        self.reshape(export, 1)
        until(90, lambda: told("sweep-exports", "was given up"), "the letter is read once more")
        that("once the record can be read, the letter brings a new hint", True)
        ended = self.ended(export)
        that("and the export its file", (ended["status"], ended["lead_count"]) == ("completed", LEADS), ended)
        that("as the history shows", self.history().get(export, {}).get("status") == "completed")
        letters = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs["DeadLettersUrl"], AttributeNames=["All"]
        )["Attributes"]
        left = [letters[f"ApproximateNumberOfMessages{which}"] for which in ("", "NotVisible")]
        that("the dead-letter queue is drained", left == ["0", "0"], left)

    def found_again(self, export):
        """The sweeper's schedule: an export whose message is lost is worked on all the same."""
        ended = self.ended(export, within=200)
        self.checks.that("the sweeper's minute finds an export whose hint was lost", ended["lead_count"] == LEADS, ended)
