"""Prints what `sam local --env-vars` takes: the endpoints, keys and names of the local stack that runs over a data folder.

Usage: sam_env.py [folder, default .local]. With `--docker-network host` the functions in containers reach them on loopback.
"""

import json
import sys
from pathlib import Path

stack = json.loads((Path(sys.argv[1] if len(sys.argv) > 1 else ".local") / "stack.json").read_text())
common = {
    "AWS_REGION": stack["region"],
    "AWS_ACCESS_KEY_ID": stack["access_key"],
    "AWS_SECRET_ACCESS_KEY": stack["secret_key"],
    "AWS_SESSION_TOKEN": "",
    "AWS_ENDPOINT_URL_DYNAMODB": stack["dynamodb"],
    "AWS_ENDPOINT_URL_S3": stack["s3"],
    "AWS_ENDPOINT_URL_SQS": stack["sqs"],
    "LEADS_TABLE": stack["tables"]["leads"],
    "SOURCES_TABLE": stack["tables"]["sources"],
    "EXPORTS_TABLE": stack["tables"]["exports"],
    "AUDIT_TABLE": stack["tables"]["audit"],
    "FILES_BUCKET": stack["bucket"],
    "EXPORTS_QUEUE_URL": stack["queue_url"],
}
# SAM gives a function those that its template names, and no other.
json.dump({name: common for name in ["RequestExport", "RunExport", "DownloadExport", "SweepExports"]}, sys.stdout, indent=2)
