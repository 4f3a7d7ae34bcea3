"""Prints what `sam local --env-vars` takes: the endpoints, keys and names of the local stack that runs over a data folder.

Usage: sam_env.py [--data .local] [--host 127.0.0.1] [--template .aws-sam/build/template.yaml]

--template changes what `sam build` left, once, in two ways. SAM gives a function those variables that its template names, and no
other: the endpoints' are added. And it finds no function behind an integration's `!GetAtt`: the address is written out.
On Linux `--docker-network host` lets containers reach loopback; elsewhere --host host.docker.internal.
"""

import argparse
import json
import re
import sys
from pathlib import Path

SERVICES = {"DYNAMODB": "dynamodb", "S3": "s3", "SQS": "sqs", "EVENTBRIDGE": "events", "SESV2": "events"}
GLOBALS = "Globals:\n  Function:\n"


def variables(stack, host):
    endpoints = {f"AWS_ENDPOINT_URL_{service}": stack[member] for service, member in SERVICES.items()}
    queue = {"EXPORTS_QUEUE_URL": stack["queue_url"]}
    return {
        "AWS_REGION": stack["region"],
        "AWS_ACCESS_KEY_ID": stack["access_key"],
        "AWS_SECRET_ACCESS_KEY": stack["secret_key"],
        "AWS_SESSION_TOKEN": "",
        "LEADS_TABLE": stack["tables"]["leads"],
        "SOURCES_TABLE": stack["tables"]["sources"],
        "EXPORTS_TABLE": stack["tables"]["exports"],
        "AUDIT_TABLE": stack["tables"]["audit"],
        "FILES_BUCKET": stack["bucket"],
        "JWT_ISSUER": stack["issuer"],
        "PAGE_URL": stack["url"],
        **{name: url.replace("127.0.0.1", host) for name, url in {**endpoints, **queue}.items()},
    }


def for_sam(template):
    """The template with the endpoints' variables, empty – `--env-vars` then fills them – and integrations whose function SAM finds."""
    if GLOBALS not in template or "AWS_ENDPOINT_URL_" in template:
        return template
    names = "".join(f"        AWS_ENDPOINT_URL_{service}: ''\n" for service in SERVICES)
    template = template.replace(GLOBALS, f"{GLOBALS}    Environment:\n      Variables:\n{names}", 1)
    # As the source has it, and as `sam build` writes it.
    function = r"(?:!GetAtt (\w+)\.Arn|\n +Fn::GetAtt:\n +- (\w+)\n +- Arn)\n"
    address = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:"
    return re.sub(
        rf"IntegrationUri:\s*?{function}",
        lambda found: f"IntegrationUri: {address}{found[1] or found[2]}/invocations\n",
        template,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=".local", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--template", type=Path)
    given = parser.parse_args()
    running = json.loads((given.data / "stack.json").read_text())
    if given.template:
        given.template.write_text(for_sam(given.template.read_text()))
    found = variables(running, given.host)
    json.dump({name: found for name in ["RequestExport", "RunExport", "DownloadExport", "SweepExports"]}, sys.stdout, indent=2)
