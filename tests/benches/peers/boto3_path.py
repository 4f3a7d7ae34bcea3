"""The same job as a Python Lambda does it: boto3's client, the csv module, multipart upload."""

import csv
import io
import json
import os
import queue
import re
import threading

import boto3

COLUMNS = """lead_id name first_name last_name email emails phone phones address city state zip country status annual_income details notes
opted_in roof_type homeowner campaign channel created_at updated_at source_id""".split()
STATUS = {"active", "sold", "duplicate"}
PART = 8 << 20
dynamodb = boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"], region_name=os.environ["AWS_REGION"])
s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"], region_name=os.environ["AWS_REGION"])
PHONE = re.compile(r"^\+[ (]*[0-9][0-9 ()./-]*$")
TRIGGER = re.compile("^[ \u00a0']*[=+\\-@\t\r\n\0]")


def plain(value):
    (kind, value), = value.items()
    if kind == "L":
        return [plain(item) for item in value]
    if kind == "M":
        return {key: plain(item) for key, item in value.items()}
    if kind == "N":
        return int(value)
    return None if kind == "NULL" else value


def text(value):
    if value is None:
        return ""
    (kind, inner), = value.items()
    if kind in ("S", "N"):
        return inner
    if kind == "BOOL":
        return "true" if inner else "false"
    if kind == "L":
        return ", ".join(filter(None, map(text, inner)))
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def cell(lead, column):
    if column == "name":
        return " ".join(filter(None, (text(lead.get("first_name")), text(lead.get("last_name")))))
    if column in ("emails", "phones"):
        return text(lead.get(column)) or text(lead.get(column[:-1]))
    if column == "source_id":
        return "canned"
    return text(lead.get(column))


def guarded(value):
    return "'" + value if TRIGGER.match(value) and not PHONE.match(value) else value


def read(shard, pages):
    start = {}
    while True:
        answer = dynamodb.query(
            TableName="canned-leads", KeyConditionExpression="#p = :p AND #s BETWEEN :a AND :b",
            ExpressionAttributeNames={"#p": "PK", "#s": "SK"},
            ExpressionAttributeValues={":p": {"S": f"acme#canned#{shard}"}, ":a": {"S": ""}, ":b": {"S": "2025"}},
            ConsistentRead=True, **start)
        pages.put(answer["Items"])
        if "LastEvaluatedKey" not in answer:
            pages.put(None)
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def rows(pages):
    while (page := pages.get()) is not None:
        yield from page


def main():
    import heapq
    sources = []
    for shard in range(8):
        pages = queue.Queue(1)
        threading.Thread(target=read, args=(shard, pages), daemon=True).start()
        sources.append(rows(pages))
    upload = s3.create_multipart_upload(Bucket="canned-files", Key="files/peer/boto3")
    where = {"Bucket": "canned-files", "Key": "files/peer/boto3", "UploadId": upload["UploadId"]}
    parts, out = [], io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)

    def send():
        nonlocal out, writer
        number = len(parts) + 1
        answer = s3.upload_part(PartNumber=number, Body=out.getvalue().encode(), **where)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\r\n")

    for lead in heapq.merge(*sources, key=lambda lead: lead["SK"]["S"]):
        if text(lead.get("status")).lower() in STATUS and int(text(lead.get("annual_income")) or 0) >= 20000:
            writer.writerow([guarded(cell(lead, column)) for column in COLUMNS])
        if out.tell() >= PART:
            send()
    send()
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **where)


main()
