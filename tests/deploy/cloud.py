"""The emulator, what is deployed to it, and what its tables begin with."""

import binascii
import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from check_template import transformed
from emulated import emulated
from issuer import AUDIENCE

STACK, ORG, SOURCE = "lead-export-test", "acme", "home-insurance"
LEADS = 250


class Late(Exception):
    """What should have come did not."""


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


def deploy(cloud, template, programs, issuer):
    """Uploads the functions and makes the stack; its outputs. `programs` tells each function's, by its name in the template."""
    template = transformed(template)
    s3, code = cloud.client("s3"), {}
    s3.create_bucket(Bucket="deployments")
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.write(programs[name], "bootstrap")
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
