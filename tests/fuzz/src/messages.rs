//! Messages of the queue (BI8, TM17, TM18).

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Context, LambdaEvent};
use lead_export_aws::queue::parse_hint;
use lead_export_core::limits;
use lead_export_core::ports::Clock as _;
use lead_export_core::record::Status;
use serde_json::{Value, json};

use crate::done;
use crate::world::{ID, OTHER_ID, World, event};

/// The rest stands for a message's body, or for the whole event. Whatever it is, it is acknowledged, and touches no export but the
/// one it names.
pub(crate) fn message(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest).into_owned();
    let given: Value = if first % 2 == 0 {
        let mut one = event("run-export");
        one["Records"][0]["body"] = json!(text);
        one
    } else {
        match serde_json::from_slice(rest) {
            Ok(given) => given,
            Err(_) => return,
        }
    };
    let Ok(given) = serde_json::from_value::<SqsEvent>(given) else {
        return;
    };
    let world = World::new();
    done(world.pending());
    done(world.create("globex", "solar", "gina", OTHER_ID));
    let app = run_export::App {
        run: world.run_export(),
        slice: limits::SLICE,
    };
    let mut context = Context::default();
    context.deadline =
        u64::try_from(world.clock.now().plus(Duration::from_mins(6)).millis()).unwrap();
    let named: Vec<(String, String)> = given
        .records
        .iter()
        .filter_map(|record| parse_hint(record.body.as_deref().unwrap_or_default()).ok())
        .map(|(org, id)| (org.to_string(), id.to_string()))
        .collect();
    let answer = done(run_export::handle(&app, LambdaEvent::new(given, context)));
    assert!(answer.batch_item_failures.is_empty(), "no store was down");
    for (of, id) in [("acme", ID), ("globex", OTHER_ID)] {
        let touched = world.export(id).status() != Status::Pending;
        assert_eq!(
            touched,
            named.contains(&(of.to_owned(), id.to_owned())),
            "{named:?}"
        );
    }
    if named.is_empty() {
        assert!(world.calls().is_empty(), "no store is asked");
    }
}
