"""Checks what CloudFormation makes of template.yaml: transforms it offline, lints the result, and asserts what linters do not know.

Usage: check_template.py [template.yaml]. Prints every finding; exit 1 if there is one, 2 if the tools are not installed.
"""

import contextlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from sam_env import for_sam

REGION, ACCOUNT, PARTITION = "eu-central-1", "111122223333", "aws"
# Parameters without a default.
PARAMETERS = {"JwtIssuer": "https://issuer.example.com", "JwtAudience": "lead-export"}
# Routes for everybody: the page and its files, and what describes the API; they hold no secret.
OPEN = ["GET /", "GET /assets/{name}", "GET /config.json", "GET /openapi.json"]
# Rules of cfn-lint-serverless that do not fit, each with its reason.
IGNORED = [
    "ES1001",  # a destination for failures of an SQS mapping: a queue has its redrive policy instead, asserted below
    "ES1007",  # a destination for failed schedules: the next minute is the retry, and an alarm tells of errors
    "ES4000",  # a dead-letter queue of the schedule: likewise
    "ES6000",  # a dead-letter queue of the dead-letter queue
    "WS1000",  # tracing: it needs a permission on "*"
    "WS1004",  # log groups with a retention: it does not see LoggingConfig; asserted below
]
# How GetAtt Arn reads, where parliament must know which service a resource belongs to.
ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Events::ApiDestination": "events:{region}:{account}:api-destination/{name}/an-id",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
}


def main(path):
    try:
        import cfnlint.api  # noqa: F401
        import cfn_lint_serverless  # noqa: F401
        import parliament  # noqa: F401
        import samtranslator  # noqa: F401
    except ImportError as missing:
        print(f"not installed: {missing.name}; see tests/deploy/requirements.txt", file=sys.stderr)
        return 2
    result = transformed(path)
    findings = list(linted(result)) + list(judged(result)) + list(asserted(result)) + list(local(path.read_text(encoding="utf-8")))
    for finding in findings:
        print(finding)
    resources = len(result["Resources"])
    print(f"{path}: {resources} resources, {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


def transformed(path):
    """The template without SAM."""
    # The tools look a region up, and must find no one's own.
    os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = REGION
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    source = yaml_parse(path.read_text(encoding="utf-8"))
    # `sam build` puts a folder there and `sam deploy` an S3 URI, the only thing the transform takes.
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    source["Globals"]["Function"].pop("CodeUri", None)
    parameters = {name: p["Default"] for name, p in source["Parameters"].items() if "Default" in p}
    return Translator({}, Parser()).translate(source, {**parameters, **PARAMETERS})


def local(source):
    """What `sam local` would not find, changed as sam_env.py changes it."""
    changed = for_sam(source)
    if "AWS_ENDPOINT_URL_DYNAMODB" not in changed:
        yield "sam_env.py finds no place for the endpoints' variables"
    if changed.count("IntegrationUri: arn:") != source.count("IntegrationUri:"):
        yield "sam_env.py does not find every integration's function"


def linted(result):
    """What cfn-lint says, with the serverless rules."""
    from cfnlint.api import lint_file
    from cfnlint.config import ManualArgs

    config = ManualArgs(
        regions=[REGION],
        ignore_checks=IGNORED,
        append_rules=["cfn_lint_serverless.rules"],
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.json"
        file.write_text(json.dumps(result), encoding="utf-8")
        for match in lint_file(file, config=config):
            yield f"cfn-lint {match.rule.id}: {'/'.join(map(str, match.path))}: {match.message}"


def judged(result):
    """What parliament says of each role: unknown actions, resources an action does not take, stars."""
    from parliament import analyze_policy_string

    for name, role in of_type(result, "AWS::IAM::Role"):
        for policy in role.get("Policies", []):
            document = resolved(policy["PolicyDocument"], result)
            # It prints while it loads.
            with contextlib.redirect_stdout(sys.stderr):
                found = analyze_policy_string(json.dumps(document), include_community_auditors=True).findings
            for finding in found:
                yield f"parliament: {name}: {finding.issue}: {finding.detail}"


def asserted(result):
    """What must hold and no linter knows."""
    functions = dict(of_type(result, "AWS::Lambda::Function"))
    queues = dict(of_type(result, "AWS::SQS::Queue"))
    roles = dict(of_type(result, "AWS::IAM::Role"))

    for name, route in of_type(result, "AWS::ApiGatewayV2::Route"):
        if route["RouteKey"] in OPEN:
            continue
        if route.get("AuthorizationType") != "JWT" or "AuthorizerId" not in route:
            yield f"{name}: {route['RouteKey']} asks for no token"
    if list(of_type(result, "AWS::Lambda::Url")):
        yield "a function URL goes around the authorizer"

    for name, stage in of_type(result, "AWS::ApiGatewayV2::Stage"):
        settings = stage.get("DefaultRouteSettings", {})
        if not {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(settings):
            yield f"{name}: callers are not throttled"

    used = []
    for name, function in functions.items():
        role = got(function.get("Role"))
        used.append(role)
        if role not in roles:
            yield f"{name}: has no role of this template"
        logs = result["Resources"].get(got(function.get("LoggingConfig", {}).get("LogGroup")), {})
        if "RetentionInDays" not in logs.get("Properties", {}):
            yield f"{name}: its logs are kept for ever"
    for role in sorted({role for role in used if used.count(role) > 1}):
        yield f"{role}: is the role of several functions"

    for name, mapping in of_type(result, "AWS::Lambda::EventSourceMapping"):
        function = functions[got(mapping["FunctionName"])]
        queue = queues[got(mapping["EventSourceArn"])]
        if "RedrivePolicy" in queue and function.get("RecursiveLoop") != "Allow":
            yield f"{name}: Lambda stops a chain of slices at 16"
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: one bad message fails its whole batch"
        if "MaximumConcurrency" not in mapping.get("ScalingConfig", {}):
            yield f"{name}: concurrency is not limited"
        if "ReservedConcurrentExecutions" in function:
            yield f"{name}: reserved concurrency makes its pollers take messages that nobody runs"
        if queue["VisibilityTimeout"] < 6 * function["Timeout"]:
            yield f"{name}: a message shows up again before 6 x {function['Timeout']} s"
        letters = [got(q["RedrivePolicy"]["deadLetterTargetArn"]) for q in queues.values() if "RedrivePolicy" in q]
        if got(mapping["EventSourceArn"]) in letters:
            continue
        redrive = queue.get("RedrivePolicy", {})
        if redrive.get("maxReceiveCount", 0) < 5 or got(redrive.get("deadLetterTargetArn")) not in queues:
            yield f"{name}: its queue has no dead-letter queue after 5 or more tries"

    for name, role in roles.items():
        if role.get("ManagedPolicyArns"):
            yield f"{name}: managed policies allow more than its ports"
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                where = f"{name}/{statement.get('Sid')}"
                if statement["Effect"] != "Allow":
                    yield f"{where}: roles only allow"
                for action in listed(statement["Action"]):
                    if "*" in action:
                        yield f"{where}: allows {action}"
                for resource in listed(statement["Resource"]):
                    resource = resolved(resource, result)
                    # The end of a log group's ARN, and keys below a named prefix of the bucket.
                    # SES asks for the identity that stands for the sender, its address or its domain: the sender itself binds.
                    bound = statement.get("Condition", {}).get("StringEquals", {}).get("ses:FromAddress")
                    if bound is not None and listed(statement["Action"]) == ["ses:SendEmail"]:
                        continue
                    narrow = re.fullmatch(r"arn:aws:logs:[^*]+:\*|arn:aws:s3:::[^*/]+/[a-z]+/\*|[^*]+", resource)
                    if not narrow:
                        yield f"{where}: on {resource}"

    for name, table in of_type(result, "AWS::DynamoDB::Table"):
        if not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            yield f"{name}: cannot be brought back to a point in time"
        if not table.get("SSESpecification", {}).get("SSEEnabled"):
            yield f"{name}: is not encrypted with a key of the account"
    for name, queue in queues.items():
        if not (queue.get("SqsManagedSseEnabled") or queue.get("KmsMasterKeyId")):
            yield f"{name}: is not encrypted"
    for name, bucket in of_type(result, "AWS::S3::Bucket"):
        blocked = bucket.get("PublicAccessBlockConfiguration", {})
        if len(blocked) != 4 or not all(blocked.values()):
            yield f"{name}: may be made public"
        if not bucket.get("BucketEncryption"):
            yield f"{name}: is not encrypted"
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        rules = [rule for rule in rules if rule.get("Status") == "Enabled"]
        for prefix in ["work/", "files/"]:
            if not any(rule.get("Prefix") == prefix and "ExpirationInDays" in rule for rule in rules):
                yield f"{name}: what lies under {prefix} is kept for ever"
        if not any("AbortIncompleteMultipartUpload" in rule for rule in rules):
            yield f"{name}: incomplete uploads are kept for ever"
    for kind, policy in [("AWS::S3::Bucket", "AWS::S3::BucketPolicy"), ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy")]:
        only_tls = [
            resource
            for _, properties in of_type(result, policy)
            for statement in properties["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
            and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
            for resource in map(got, listed(statement["Resource"]))
        ]
        for name, _ in of_type(result, kind):
            if name not in only_tls:
                yield f"{name}: takes calls without TLS"

    for kind in ["AWS::DynamoDB::Table", "AWS::S3::Bucket"]:
        for name, resource in result["Resources"].items():
            if resource["Type"] == kind and not (
                resource.get("DeletionPolicy") == resource.get("UpdateReplacePolicy") == "Retain"
            ):
                yield f"{name}: goes with the stack"


def of_type(result, kind):
    for name, resource in result["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def listed(value):
    return value if isinstance(value, list) else [value]


def got(value):
    """The name of the resource that a Ref or a GetAtt means."""
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return value["Ref"]
    attribute = value.get("Fn::GetAtt", [None])
    return attribute[0] if isinstance(attribute, list) else attribute.split(".")[0]


def resolved(value, result):
    """The value with made-up names in place of what only a deployment knows."""
    if isinstance(value, list):
        return [resolved(item, result) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::GetAtt"} and value["Fn::GetAtt"][1] == "Arn":
        name = value["Fn::GetAtt"][0]
        pattern = ARNS[result["Resources"][name]["Type"]]
        return f"arn:{PARTITION}:" + pattern.format(region=REGION, account=ACCOUNT, name=name.lower())
    if set(value) == {"Fn::Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda found: resolved(reference(found[1]), result), value["Fn::Sub"])
    if set(value) == {"Ref"}:
        known = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": PARTITION}
        return known.get(value["Ref"], value["Ref"].lower())
    return {name: resolved(item, result) for name, item in value.items()}


def reference(name):
    return {"Fn::GetAtt": name.split(".", 1)} if "." in name else {"Ref": name}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "template.yaml")))
