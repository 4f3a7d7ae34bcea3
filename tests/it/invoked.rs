//! `events/*.json` through real function processes under our Runtime API: what `sam local invoke` does with a container engine.

use bytes::Bytes;
use lead_export_local::invoke::Invoke as _;
use serde_json::Value as Json;

use crate::util::{World, small_world};

#[tokio::test]
async fn sample_events_are_answered_by_the_functions() {
    let world = World::start().await;
    small_world(&world).await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    // The export that the samples name is nobody's here.
    for (file, function, expected) in [
        ("get-sources.json", "download-export", 200),
        ("list-exports.json", "download-export", 200),
        ("download-export.json", "download-export", 404),
        ("delete-export.json", "download-export", 404),
        ("request-export.json", "request-export", 202),
    ] {
        let event = std::fs::read(folder.join(file)).unwrap();
        let answer = world.stack.lambdas().invoke(function, event.into()).await;
        let answer: Json = serde_json::from_slice(&answer.unwrap()).unwrap();
        assert_eq!(answer["statusCode"], expected, "{file}: {answer}");
    }
    for (file, function) in [
        ("run-export.json", "run-export"),
        ("sweep-exports-given-up.json", "sweep-exports"),
    ] {
        let event: Bytes = std::fs::read(folder.join(file)).unwrap().into();
        let answer = world.stack.lambdas().invoke(function, event).await;
        let answer: Json = serde_json::from_slice(&answer.unwrap()).unwrap();
        // Hints whose exports are not there have done their duty.
        assert_eq!(answer["batchItemFailures"], serde_json::json!([]), "{file}");
    }
    let minute = std::fs::read(folder.join("sweep-exports.json")).unwrap();
    let answer = world.stack.lambdas().invoke("sweep-exports", minute.into());
    let answer: Json = serde_json::from_slice(&answer.await.unwrap()).unwrap();
    assert_eq!(answer["failed"], 0, "{answer}");
    world.stop().await;
}
