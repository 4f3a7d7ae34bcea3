//! What a function's answer says about the messages it was given.

use std::collections::BTreeSet;

use serde_json::Value;

/// What became of a batch, by the rules for `ReportBatchItemFailures`
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>, "Success and failure conditions").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All messages are done: an empty or null answer, or one whose `batchItemFailures` is absent, null or empty.
    Done,
    /// The messages with these ids failed, the others are done.
    Failed(BTreeSet<String>),
    /// The answer is not of the documented form, for this reason, so every message failed: no JSON, an `itemIdentifier` that is
    /// empty, null, under another key or of no message in the batch.
    Malformed(String),
}

impl Verdict {
    /// Judges the `answer` to a batch of the messages `ids`.
    ///
    /// An answer `""` or `[]` is an empty one too, which is what Lambda makes of it.
    pub fn of<'a>(answer: &[u8], ids: impl IntoIterator<Item = &'a str>) -> Self {
        match failures(answer, &ids.into_iter().collect()) {
            Ok(failed) if failed.is_empty() => Self::Done,
            Ok(failed) => Self::Failed(failed),
            Err(reason) => Self::Malformed(reason),
        }
    }

    /// Whether the message `id` of the batch is done.
    pub fn is_done(&self, id: &str) -> bool {
        match self {
            Self::Done => true,
            Self::Failed(failed) => !failed.contains(id),
            Self::Malformed(_) => false,
        }
    }
}

fn failures(answer: &[u8], batch: &BTreeSet<&str>) -> Result<BTreeSet<String>, String> {
    if answer.trim_ascii().is_empty() {
        return Ok(BTreeSet::new());
    }
    let answer = serde_json::from_slice(answer)
        .map_err(|cause| format!("the answer is not JSON: {cause}"))?;
    let list = match answer {
        Value::Null => return Ok(BTreeSet::new()),
        Value::String(text) if text.is_empty() => return Ok(BTreeSet::new()),
        Value::Array(list) if list.is_empty() => return Ok(BTreeSet::new()),
        Value::Object(mut fields) => fields.remove("batchItemFailures"),
        _ => return Err("the answer is not an object".into()),
    };
    let entries = match list {
        None | Some(Value::Null) => return Ok(BTreeSet::new()),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err("batchItemFailures is not a list".into()),
    };
    entries
        .iter()
        .map(|entry| match entry.get("itemIdentifier") {
            Some(Value::String(id)) if batch.contains(id.as_str()) => Ok(id.clone()),
            Some(Value::String(id)) if id.is_empty() => Err("an itemIdentifier is empty".into()),
            Some(Value::String(id)) => Err(format!(
                "the itemIdentifier {id:?} is of no message in the batch"
            )),
            Some(Value::Null) => Err("an itemIdentifier is null".into()),
            Some(_) => Err("an itemIdentifier is not a string".into()),
            None => Err("a failure has no itemIdentifier".into()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(answer: &str) -> Verdict {
        Verdict::of(answer.as_bytes(), ["a", "b", "c"])
    }

    /// The conditions of the AWS page, and those that were tried against AWS itself for LocalStack's tests.
    #[test]
    fn empty_answers_are_success() {
        for answer in [
            "",
            " \n",
            "null",
            "{}",
            r#"{"batchItemFailures":[]}"#,
            r#"{"batchItemFailures":null}"#,
            r#""""#,
            "[]",
            r#"{"statusCode":200,"body":"done"}"#,
            r#"{"BatchItemFailures":[{"itemIdentifier":"a"}]}"#,
        ] {
            assert_eq!(judge(answer), Verdict::Done, "{answer}");
        }
    }

    #[test]
    fn malformed_answers_fail_every_message() {
        for answer in [
            "{",
            "done",
            "not json at all",
            r#"{"batchItemFailures":[]"#,
            "\u{FEFF}{}",
            r#""done""#,
            "7",
            "true",
            "[1]",
            r#"{"batchItemFailures":"a"}"#,
            r#"{"batchItemFailures":{}}"#,
            r#"{"batchItemFailures":false}"#,
            r#"{"batchItemFailures":["a"]}"#,
            r#"{"batchItemFailures":[null]}"#,
            r#"{"batchItemFailures":[{}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":7}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#,
            r#"{"batchItemFailures":[{"ItemIdentifier":"a"}]}"#,
            r#"{"batchItemFailures":[{"foo":"a"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"unknown"}]}"#,
        ] {
            let verdict = judge(answer);
            assert!(
                matches!(verdict, Verdict::Malformed(_)),
                "{answer}: {verdict:?}"
            );
            assert!(
                ["a", "b", "c"].iter().all(|id| !verdict.is_done(id)),
                "{answer}"
            );
        }
        let not_utf8 = Verdict::of(b"\"\xFF\"", ["a"]);
        assert!(matches!(not_utf8, Verdict::Malformed(_)));
    }

    #[test]
    fn named_messages_fail_and_the_others_are_done() {
        let verdict = judge(
            r#"{"batchItemFailures":[{"itemIdentifier":"b","more":1},{"itemIdentifier":"b"}]}"#,
        );
        assert_eq!(verdict, Verdict::Failed(["b".to_owned()].into()));
        assert!(verdict.is_done("a") && !verdict.is_done("b") && verdict.is_done("c"));
        let all = judge(
            r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}"#,
        );
        assert!(["a", "b", "c"].iter().all(|id| !all.is_done(id)));
    }
}
