"""What the emulator needs changed of the transformed template, each change with its reason. Everything else is deployed as it is."""


def emulated(template, code):
    """The transformed template for ministack. `code` tells each function's zip: {logical id: (bucket, key)}."""
    resources = template["Resources"]
    # A local issuer speaks plain HTTP on loopback; AWS insists on https.
    template["Parameters"]["JwtIssuer"].pop("AllowedPattern", None)
    template["Parameters"]["JwtIssuer"].pop("ConstraintDescription", None)
    for name, resource in list(resources.items()):
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind == "AWS::Lambda::Function":
            bucket, key = code[name]
            properties["Code"] = {"S3Bucket": bucket, "S3Key": key}
        # Plain HTTP on loopback: "only TLS" would refuse every call. And the emulator does not take a function for the role it acts
        # in, as AWS does in aws:PrincipalArn, so "only our hints" would refuse ours.
        if kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
            document = properties["PolicyDocument"]
            document["Statement"] = [s for s in document["Statement"] if s["Sid"] not in ("OnlyTls", "OnlyOurHints")]
            if not document["Statement"]:
                del resources[name]
        # It takes a parameter's text for a number of pollers as it is.
        if kind == "AWS::Lambda::EventSourceMapping":
            properties["ScalingConfig"] = {"MaximumConcurrency": 2}
        # A poison message must be seen to reach the dead-letter queue and to leave it: 2 deliveries 3 s apart instead of 8 in hours, and
        # a letter that could not be dealt with comes again after 5 s. AWS would refuse a visibility below the function's timeout;
        # the emulator does not look.
        if kind == "AWS::SQS::Queue":
            properties["VisibilityTimeout"] = 3 if "RedrivePolicy" in properties else 5
        if kind == "AWS::SQS::Queue" and "RedrivePolicy" in properties:
            properties["RedrivePolicy"]["maxReceiveCount"] = 2
    return template
