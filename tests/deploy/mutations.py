"""Proves that check_template.py can fail: plants one mistake at a time into the transformed template and looks for its finding.

Usage: mutations.py [template.yaml]. Exit 1 if a mistake goes unseen, 2 if the tools are not installed.
"""

import copy
import sys
from pathlib import Path


def properties(result, name):
    return result["Resources"][name]["Properties"]


def drop(name, *path):
    """Takes a property away."""

    def change(result):
        at = properties(result, name)
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]

    return change


def put(name, value, *path):
    """Gives a property another value."""

    def change(result):
        at = properties(result, name)
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


def mapping(change):
    def of(result):
        for resource in result["Resources"].values():
            if resource["Type"] == "AWS::Lambda::EventSourceMapping":
                change(resource["Properties"])

    return of


def without(name, sid):
    """Takes a policy's statement away."""

    def change(result):
        document = properties(result, name)["PolicyDocument"]
        document["Statement"] = [s for s in document["Statement"] if s.get("Sid") != sid]

    return change


def statement(name, sid, **values):
    """Changes a statement of a role."""

    def change(result):
        for policy in properties(result, name)["Policies"]:
            for found in policy["PolicyDocument"]["Statement"]:
                if found.get("Sid") == sid:
                    found.update(values)

    return change


def goes(name):
    def change(result):
        del result["Resources"][name]["DeletionPolicy"]

    return change


def url(result):
    result["Resources"]["Url"] = {
        "Type": "AWS::Lambda::Url",
        "Properties": {"TargetFunctionArn": {"Ref": "DownloadExport"}, "AuthType": "NONE"},
    }


def rules(keep):
    def change(result):
        lifecycle = properties(result, "Files")["LifecycleConfiguration"]
        lifecycle["Rules"] = [rule for rule in lifecycle["Rules"] if keep(rule)]

    return change


# The mistake, and a part of what the check must say.
MISTAKES = {
    "a route without a token": (put("DownloadRoute", "NONE", "AuthorizationType"), "asks for no token"),
    "a route without its authorizer": (drop("HistoryRoute", "AuthorizerId"), "asks for no token"),
    "a function URL": (url, "goes around the authorizer"),
    "no throttling": (drop("ApiStage", "DefaultRouteSettings"), "callers are not throttled"),
    "a shared role": (
        put("RunExport", {"Fn::GetAtt": ["SweepExportsRole", "Arn"]}, "Role"),
        "is the role of several functions",
    ),
    "logs for ever": (drop("RunExportLogs", "RetentionInDays"), "its logs are kept for ever"),
    "a loop that Lambda stops": (drop("RunExport", "RecursiveLoop"), "stops a chain of slices"),
    "whole batches fail": (mapping(lambda m: m.pop("FunctionResponseTypes")), "fails its whole batch"),
    "runs without a limit": (mapping(lambda m: m.pop("ScalingConfig")), "concurrency is not limited"),
    "reserved concurrency": (put("RunExport", 5, "ReservedConcurrentExecutions"), "reserved concurrency"),
    "an impatient queue": (put("ExportsQueue", 2159, "VisibilityTimeout"), "shows up again before"),
    "no dead letters": (drop("ExportsQueue", "RedrivePolicy"), "no dead-letter queue"),
    "given up too soon": (put("ExportsQueue", 4, "RedrivePolicy", "maxReceiveCount"), "no dead-letter queue"),
    "a managed policy": (
        put("RunExportRole", ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"], "ManagedPolicyArns"),
        "managed policies allow more",
    ),
    "a star for a call": (statement("RunExportRole", "Leads", Action="dynamodb:*"), "allows dynamodb:*"),
    "a star for a resource": (statement("RunExportRole", "Leads", Resource="*"), "RunExportRole/Leads: on *"),
    "the whole bucket": (
        statement("RunExportRole", "Pieces", Resource={"Fn::Sub": "${Files.Arn}/*"}),
        "RunExportRole/Pieces: on",
    ),
    "an action that is none": (statement("RunExportRole", "Leads", Action="dynamodb:Qurey"), "parliament: RunExportRole"),
    "tables that go with the stack": (goes("Leads"), "Leads: goes with the stack"),
    "files that go with the stack": (goes("Files"), "Files: goes with the stack"),
    "no point in time": (drop("Exports", "PointInTimeRecoverySpecification"), "point in time"),
    "a plain table": (drop("Leads", "SSESpecification"), "Leads: is not encrypted"),
    "a plain queue": (drop("DeadLetters", "SqsManagedSseEnabled"), "DeadLetters: is not encrypted"),
    "a plain bucket": (drop("Files", "BucketEncryption"), "Files: is not encrypted"),
    "a bucket for all": (
        put("Files", False, "PublicAccessBlockConfiguration", "RestrictPublicBuckets"),
        "may be made public",
    ),
    "work for ever": (rules(lambda rule: rule.get("Prefix") != "work/"), "under work/ is kept for ever"),
    "files for ever": (rules(lambda rule: rule.get("Prefix") != "files/"), "under files/ is kept for ever"),
    "uploads for ever": (
        rules(lambda rule: "AbortIncompleteMultipartUpload" not in rule),
        "incomplete uploads are kept for ever",
    ),
    "files without TLS": (without("FilesPolicy", "OnlyTls"), "Files: takes calls without TLS"),
    "hints without TLS": (without("QueuePolicy", "OnlyTls"), "ExportsQueue: takes calls without TLS"),
    "a property that is none": (put("Leads", True, "PayPerRequest"), "cfn-lint"),
}


def main(path):
    try:
        import check_template
        import cfnlint.api  # noqa: F401
        import parliament  # noqa: F401

        good = check_template.transformed(path)
    except ImportError as missing:
        print(f"not installed: {missing.name}; see tests/deploy/requirements.txt", file=sys.stderr)
        return 2
    unseen = 0
    for mistake, (plant, expected) in MISTAKES.items():
        bad = copy.deepcopy(good)
        plant(bad)
        # The linters take a second each: they are asked where the finding is theirs.
        findings = list(check_template.asserted(bad))
        if expected.startswith("cfn-lint"):
            findings += check_template.linted(bad)
        if expected.startswith("parliament"):
            findings += check_template.judged(bad)
        if not any(expected in finding for finding in findings):
            unseen += 1
            print(f"unseen: {mistake}; found only {findings}")
    print(f"{path}: {len(MISTAKES) - unseen} of {len(MISTAKES)} planted mistakes are seen", file=sys.stderr)
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "template.yaml")))
