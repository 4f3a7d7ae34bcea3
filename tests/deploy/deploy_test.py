"""Deploys what `sam build` made to an emulator with IAM enforced, and drives it through the API with real tokens.

Usage: deploy_test.py [folder of the build, default .aws-sam/build]. Everything listens on loopback. Exit 1 if anything is not as it
must be, 2 if the tools (tests/deploy/requirements-emulator.txt) or the build are not there.
"""

import base64
import binascii
import contextlib
import csv
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from check_template import transformed
from emulated import emulated

STACK, ORG, SOURCE, AUDIENCE = "lead-export-test", "acme", "home-insurance", "lead-export"
LEADS = 250


def main(build):
    try:
        import boto3  # noqa: F401
        import cryptography  # noqa: F401
        import ministack  # noqa: F401
        import samtranslator  # noqa: F401
    except ImportError as missing:
        print(f"not installed: {missing.name}; see tests/deploy/requirements-emulator.txt", file=sys.stderr)
        return 2
    if not (build / "template.yaml").exists():
        print(f"{build} holds no build: run `sam build` first", file=sys.stderr)
        return 2
    with contextlib.ExitStack() as ends:
        checks = Checks()
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        issuer = ends.enter_context(Issuer.serving())
        cloud = ends.enter_context(Cloud.running(folder))
        try:
            outputs = deploy(cloud, build, issuer)
            checks.that("the stack is deployed", set(outputs) >= {"ApiUrl", "LeadsTable", "FilesBucket"}, outputs)
            seed(cloud, outputs)
            Drive(cloud, outputs, issuer, checks).all()
        except Late as late:
            checks.that(str(late), False, "waited in vain")
        if checks.failed:
            print(cloud.log.read_text(errors="replace")[-9000:], file=sys.stderr)
        print(f"{checks.passed} passed, {checks.failed} failed")
        return 1 if checks.failed else 0


class Late(Exception):
    """What should have come did not."""


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


class Issuer:
    """An OpenID provider: one key, its documents on loopback, tokens."""

    def __init__(self):
        from cryptography.hazmat.primitives.asymmetric import rsa

        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        # One name a run: whoever caches keys keeps them by their address.
        self.kid = binascii.hexlify(os.urandom(8)).decode()
        self.url = None

    @classmethod
    @contextlib.contextmanager
    def serving(cls):
        issuer = cls()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                documents = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks"},
                    "/jwks": {"keys": [issuer.jwk()]},
                }
                found = documents.get(self.path)
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()

    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.kid,
            "n": text64(numbers.n.to_bytes(size, "big")),
            "e": text64(numbers.e.to_bytes(3, "big")),
        }

    def token(self, user, org=ORG, **claims):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        now = int(time.time())
        body = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": user,
            "org_id": org,
            "email": f"{user}@example.com",
            "iat": now - 5,
            "exp": now + 3600,
        } | claims
        head = {"alg": "RS256", "typ": "JWT", "kid": self.kid}
        signed = ".".join(text64(json.dumps(part).encode()) for part in (head, body))
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{text64(signature)}"


class Cloud:
    """The emulator: one process that is every endpoint."""

    def __init__(self, port, log):
        self.url, self.log = f"http://127.0.0.1:{port}", log

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cloud = cls(port, folder / "emulator.log")
        services = ["DYNAMODB", "S3", "SQS", "EVENTBRIDGE", "SESV2"]
        environment = {
            "PATH": os.environ["PATH"],
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "AUTH": "true",
            "IOT_MTLS_ENABLED": "0",
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        } | {f"AWS_ENDPOINT_URL_{service}": cloud.url for service in services}
        program = shutil.which("ministack", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        with cloud.log.open("wb") as log:
            process = subprocess.Popen([program], env=environment, stdout=log, stderr=log, cwd=folder)
        try:
            until(60, lambda: answers(f"{cloud.url}/_ministack/health"), "the emulator starts")
            yield cloud
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()

    def client(self, service):
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )


def deploy(cloud, build, issuer):
    """Uploads the functions and makes the stack; its outputs."""
    template = transformed(build / "template.yaml")
    s3, code = cloud.client("s3"), {}
    s3.create_bucket(Bucket="deployments")
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.write(build / name / "bootstrap", "bootstrap")
            s3.put_object(Bucket="deployments", Key=f"{name}.zip", Body=packed.getvalue())
            code[name] = ("deployments", f"{name}.zip")
    body = json.dumps(emulated(template, code))
    s3.put_object(Bucket="deployments", Key="template.json", Body=body.encode())
    formation = cloud.client("cloudformation")
    formation.create_stack(
        StackName=STACK,
        TemplateURL=f"{cloud.url}/deployments/template.json",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        Parameters=[
            {"ParameterKey": "JwtIssuer", "ParameterValue": issuer.url},
            {"ParameterKey": "JwtAudience", "ParameterValue": AUDIENCE},
        ],
    )

    def stack():
        return formation.describe_stacks(StackName=STACK)["Stacks"][0]

    until(120, lambda: not stack()["StackStatus"].endswith("IN_PROGRESS"), "the stack is made")
    if stack()["StackStatus"] != "CREATE_COMPLETE":
        for event in formation.describe_stack_events(StackName=STACK)["StackEvents"]:
            if "FAILED" in event["ResourceStatus"]:
                print(event["LogicalResourceId"], event.get("ResourceStatusReason"), file=sys.stderr)
        raise Late("the stack is made")
    return {output["OutputKey"]: output["OutputValue"] for output in stack()["Outputs"]}


def seed(cloud, outputs):
    """Sources, grants and leads, as the README documents the items for those who write them."""
    import boto3

    tables = boto3.resource(
        "dynamodb",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    sources, leads = tables.Table(outputs["SourcesTable"]), tables.Table(outputs["LeadsTable"])
    for org, source in [(ORG, SOURCE), ("globex", "solar")]:
        sources.put_item(
            Item={
                "PK": org,
                "SK": f"source#{source}",
                "org": org,
                "id": source,
                "name": source,
                "time_zone": "UTC",
                "people": False,
                "shards": 8,
                "lead_count": LEADS,
                "custom": [],
                "attributes": [],
                "revision": "00000000-0000-4000-8000-000000000000",
            }
        )
    for org, user, source, role in [
        (ORG, "alice", SOURCE, "exporter"),
        (ORG, "vera", SOURCE, "viewer"),
        ("globex", "gina", "solar", "exporter"),
    ]:
        sources.put_item(
            Item={"PK": org, "SK": f"grant#{user}#{source}", "user": user, "source": source, "role": role}
        )
    start = datetime.now(timezone.utc) - timedelta(days=1)
    with leads.batch_writer() as writer:
        for n in range(LEADS):
            lead_id = f"L-{n:05}"
            created = (start + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            shard = binascii.crc32(lead_id.encode()) % 8
            writer.put_item(
                Item={
                    "PK": f"{ORG}#{SOURCE}#{shard}",
                    "SK": f"{created}#{lead_id}",
                    "ID_PK": f"{ORG}#{lead_id}",
                    "lead_id": lead_id,
                    "created_at": created,
                    "first_name": "Ann",
                    "last_name": f'O"Neil {n}',
                    "email": f"ann{n}@example.com",
                    "status": "active" if n % 2 else "sold",
                }
            )


class Drive:
    """Uses the deployed system as its callers and its operator would."""

    def __init__(self, cloud, outputs, issuer, checks):
        self.cloud, self.outputs, self.issuer, self.checks = cloud, outputs, issuer, checks
        api = outputs["ApiUrl"].split("//")[1].split(".")[0]
        # The emulator tells APIs apart by the host.
        self.host, self.port = f"{api}.execute-api.localhost", cloud.url.rsplit(":", 1)[1]

    def call(self, method, path, user="alice", body=None, token=None, headers=None, **claims):
        token = token if token is not None else self.issuer.token(user, **claims)
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

    def request(self, body=None, **caller):
        return self.call("POST", f"/sources/{SOURCE}/exports", body=body or {}, **caller)

    def ended(self, export, within=90):
        def look():
            status, seen = self.call("GET", f"/exports/{export}")
            return seen if status == 200 and seen["status"] not in ("pending", "processing") else None

        return until(within, look, f"the export {export} ends")

    def all(self):
        if self.main_job():
            self.those_who_may_not()
            self.lost_hint()
            self.poison()

    def main_job(self):
        that = self.checks.that
        status, sources = self.call("GET", "/sources")
        that("a user sees the sources of the grants", status == 200 and len(sources["sources"]) == 1, (status, sources))
        status, export = self.request({"filters": {"status": ["active"]}})
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

    def those_who_may_not(self):
        that = self.checks.that
        status, _ = self.call("GET", f"/exports/{self.export}/download", user="vera")
        that("a viewer gets no link", status == 403, status)
        status, _ = self.request(user="vera")
        that("a viewer makes no export", status == 403, status)
        other, own = (self.call("GET", path, user="gina", org="globex") for path in self.two_paths())
        that("another organization's export does not exist", other[0] == 404 and other == own, (other, own))
        for sentence, token in [
            ("no token", ""),
            ("a token of nobody's", "a.b.c"),
            ("a token that has ended", self.issuer.token("alice", exp=int(time.time()) - 60)),
            ("a token for others", self.issuer.token("alice", aud="others")),
        ]:
            status, _ = self.call("GET", "/sources", token=token)
            that(f"{sentence} is refused", status == 401, status)

    def two_paths(self):
        return f"/exports/{self.export}", "/exports/00000000-0000-4000-8000-000000000000"

    def lost_hint(self):
        """The sweeper's schedule: an export whose message is lost is worked on all the same."""
        functions, queue = self.cloud.client("lambda"), self.outputs["ExportsQueueUrl"]
        mapping = functions.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        time.sleep(3)
        status, export = self.request()
        self.cloud.client("sqs").purge_queue(QueueUrl=queue)
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)
        if self.checks.that("a request is accepted while nobody listens", status == 202, status):
            ended = self.ended(export["id"], within=200)
            self.checks.that("the sweeper finds an export whose hint was lost", ended["lead_count"] == LEADS, ended)

    def poison(self):
        """A record that no run can read: its hint ends in the dead-letter queue, which holds ids alone."""
        sqs, queue = self.cloud.client("sqs"), self.outputs["ExportsQueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody="{")
        status, export = self.request()
        self.checks.that("a message that makes no sense stops nobody", status == 202, status)
        self.checks.that("… and is acknowledged", self.ended(export["id"])["status"] == "completed")


def opener():
    """Follows no redirect and goes through no proxy."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    return urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))


def until(seconds, look, sentence):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise Late(sentence)


def answers(url):
    try:
        with opener().open(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def text64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".aws-sam/build").resolve()))
