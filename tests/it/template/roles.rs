//! What roles permit.

use std::collections::BTreeSet;

use lead_export_aws::tables;

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
    let due = format!(
        "dynamodb:Query Exports/index/{}",
        tables::EXPORTS.indexes[1].name
    );
    let record =
        ["GetItem", "PutItem", "UpdateItem"].map(|call| format!("dynamodb:{call} Exports"));
    let record = record.each_ref().map(String::as_str);
    let (request, run): (&[&str], &[&str]) = (
        &[
            "dynamodb:BatchGetItem Sources",
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
            &history,
            // TM13: no update, no delete.
            "dynamodb:PutItem Audit",
            "dynamodb:Query Audit",
            // TM21
            "s3:GetObject Files/files/*",
            "s3:DeleteObject Files/files/*",
        ],
        &[
            &due,
            "sqs:SendMessage ExportsQueue",
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
        let all = own.iter().copied().chain(record);
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
