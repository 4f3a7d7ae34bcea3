//! What roles permit.

use std::collections::BTreeSet;

use lead_export_aws::tables;
use lead_export_core::lead::OrgId;
use serde_json::json;

use super::reading::{Template, listed};
use super::set;

/// T-IAM: what each function may do, in full. A use-case that is given another port, or a port that makes another call, changes
/// its lines here and in the template, and nowhere else.
#[test]
fn roles_permit_what_ports_call_and_no_more() {
    let history = format!(
        "dynamodb:Query Exports/index/{}",
        tables::EXPORTS.indexes[0].name
    );
    let by_id = format!(
        "dynamodb:Query Leads/index/{}",
        tables::LEADS.indexes[0].name
    );
    let due = format!(
        "dynamodb:Query Exports/index/{}",
        tables::EXPORTS.indexes[1].name
    );
    let given = format!(
        "dynamodb:Query Audit/index/{}",
        tables::AUDIT.indexes[0].name
    );
    let sample = format!(
        "dynamodb:Query Leads/index/{}",
        tables::LEADS.indexes[1].name
    );
    let record =
        ["GetItem", "PutItem", "UpdateItem"].map(|call| format!("dynamodb:{call} Exports"));
    let record = record.each_ref().map(String::as_str);
    let (request, run): (&[&str], &[&str]) = (
        &[
            // Answers and previews.
            "dynamodb:Query Leads",
            "dynamodb:BatchGetItem Leads",
            &by_id,
            &sample,
            "dynamodb:BatchGetItem Sources",
            "dynamodb:Query Sources",
            // Of presets alone, as the next test says.
            "dynamodb:GetItem Sources",
            "dynamodb:PutItem Sources",
            "dynamodb:DeleteItem Sources",
            "sqs:SendMessage ExportsQueue",
        ],
        &[
            "dynamodb:Query Leads",
            "dynamodb:BatchGetItem Sources",
            // SendMessage is the run's own, the others are the event source mapping's.
            "sqs:SendMessage ExportsQueue",
            "sqs:ReceiveMessage ExportsQueue",
            "sqs:DeleteMessage ExportsQueue",
            "sqs:GetQueueAttributes ExportsQueue",
            "sqs:ChangeMessageVisibility ExportsQueue",
            "s3:GetObject Files/work/*",
            "s3:GetObject Files/files/*",
            "s3:PutObject Files/work/*",
            "s3:PutObject Files/files/*",
            // S-16
            "s3:ListBucket Files",
        ],
    );
    let (download, sweep): (&[&str], &[&str]) = (
        &[
            "dynamodb:BatchGetItem Sources",
            "dynamodb:Query Sources",
            "dynamodb:GetItem Sources",
            &history,
            // TM13: no update, no delete.
            "dynamodb:PutItem Audit",
            "dynamodb:Query Audit",
            &given,
            // TM21
            "s3:GetObject Files/files/*",
            "s3:DeleteObject Files/files/*",
        ],
        &[
            &due,
            "sqs:SendMessage ExportsQueue",
            // The event source mapping's.
            "sqs:ReceiveMessage DeadLetters",
            "sqs:DeleteMessage DeadLetters",
            "sqs:GetQueueAttributes DeadLetters",
            "sqs:ChangeMessageVisibility DeadLetters",
            // S-16
            "s3:ListBucket Files",
            "s3:ListBucketMultipartUploads Files",
            "s3:DeleteObject Files/work/*",
            "s3:DeleteObject Files/files/*",
            "s3:AbortMultipartUpload Files/files/*",
        ],
    );
    let template = Template::load();
    for (function, own) in [
        ("RequestExport", request),
        ("RunExport", run),
        ("DownloadExport", download),
        ("SweepExports", sweep),
    ] {
        let logs =
            ["CreateLogStream", "PutLogEvents"].map(|call| format!("logs:{call} {function}Logs"));
        // P9a, by whoever ends exports.
        let telling: &[&str] = match function {
            "RequestExport" => &[],
            _ => &[
                "events:PutEvents arn:AWS::Partition:events:AWS::Region:AWS::AccountId:event-bus/default",
                "ses:SendEmail arn:AWS::Partition:ses:AWS::Region:AWS::AccountId:identity/*",
                "ses:SendEmail arn:AWS::Partition:ses:AWS::Region:AWS::AccountId:configuration-set/*",
            ],
        };
        let own = own.iter().chain(telling).copied();
        let all = own.chain(record);
        let all = set(all.chain(logs.each_ref().map(String::as_str)));
        assert_eq!(template.permissions(function), all, "{function}");
    }
    // TM18: who may send hints, whatever else the account permits.
    let policy = template.properties("QueuePolicy");
    let statement = &policy["PolicyDocument"]["Statement"][1];
    assert_eq!(statement["Effect"], "Deny");
    assert_eq!(statement["Action"], "sqs:SendMessage");
    let senders = listed(&statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]);
    let senders: BTreeSet<_> = senders.iter().map(|role| template.text(role)).collect();
    let permitted = [
        "RequestExport",
        "RunExport",
        "DownloadExport",
        "SweepExports",
    ]
    .into_iter()
    .filter(|name| {
        template
            .permissions(name)
            .contains("sqs:SendMessage ExportsQueue")
    })
    .map(|name| format!("{name}Role"))
    .collect();
    assert_eq!(senders, permitted);
}

/// A function that may send mails may send them in the name of `MailFrom` alone: with none set, in nobody's.
#[test]
fn mails_are_sent_in_one_name() {
    let template = Template::load();
    let mut bound = 0;
    for name in template.of_type("AWS::IAM::Role") {
        let role = template.properties(name);
        let policies = listed(&role["Policies"]).iter();
        for statement in policies.flat_map(|it| listed(&it["PolicyDocument"]["Statement"])) {
            if listed(&statement["Action"]).contains(&json!("ses:SendEmail")) {
                let only = json!({ "StringEquals": { "ses:FromAddress": { "Ref": "MailFrom" } } });
                assert_eq!(statement["Condition"], only, "{name}");
                bound += 1;
            }
        }
    }
    assert_eq!(bound, 3);
}

/// A function that could write a grant could let anybody in: what writes into the sources' table is bound to the presets'
/// partitions, whose keys no source or grant has.
#[test]
fn no_role_writes_sources_or_grants() {
    let template = Template::load();
    let mut bound = 0;
    for name in template.of_type("AWS::IAM::Role") {
        let role = template.properties(name);
        let policies = listed(&role["Policies"]).iter();
        for statement in policies.flat_map(|it| listed(&it["PolicyDocument"]["Statement"])) {
            let resources = listed(&statement["Resource"]).iter();
            let on_sources = resources
                .map(|resource| template.text(resource))
                .any(|resource| resource == "Sources");
            let reads = ["dynamodb:BatchGetItem", "dynamodb:Query"];
            let only_reads = listed(&statement["Action"])
                .iter()
                .all(|action| reads.contains(&action.as_str().unwrap()));
            if on_sources && !only_reads {
                assert_eq!(
                    statement["Condition"],
                    json!({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["*#presets"] } }),
                    "{name}"
                );
                bound += 1;
            }
        }
    }
    assert_eq!(bound, 2);
    assert!(OrgId::parse("acme#presets").is_err());
}
