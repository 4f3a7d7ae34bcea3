//! What a request would give, before it is made.

use lead_export_core::limits;
use serde_json::json;

use crate::http_api::{Http, NOT_FOUND, body, text};
use crate::world::World;
use crate::{answer, keyless};

fn preview(asked: &str) -> Http {
    keyless()
        .path("/sources/home-insurance/exports/preview")
        .body(asked)
}

#[tokio::test]
async fn preview_is_counted_and_nothing_is_written() {
    let world = World::new();
    world.put_leads(7);
    let asked = r#"{"fields": ["lead_id", {"key": "first_name", "header": "Who"}], "order": "-created_at"}"#;
    let answer = answer(&world, &preview(asked)).await;
    assert_eq!(answer.status(), 200, "{}", text(&answer));
    let found = body(&answer);
    let row = |number: u8| json!([format!("canary-{number}"), "'=canary(\"x\")"]);
    assert_eq!(
        found,
        json!({
            "lead_count": 7,
            "exact": true,
            "size_bytes": "lead_id,Who\r\n".len() + 7 * "canary-0,\"'=canary(\"\"x\"\")\"\r\n".len(),
            "columns": [{"key": "lead_id", "header": "lead_id"}, {"key": "first_name", "header": "Who"}],
            "rows": [row(0), row(1), row(2), row(3), row(4)],
            "warnings": [],
        })
    );
    assert!(world.exports.inner().all().is_empty());
    assert!(world.queue.inner().sent().is_empty());
    assert_eq!(world.log.take(), "", "no lead's value, no literal");
}

#[tokio::test]
async fn preview_is_refused_as_the_request_would_be() {
    let world = World::new();
    for (event, status) in [
        (preview("{}").user("acme", "vera"), 403),
        (preview("{}").user("acme", "mallory"), 404),
        (preview("{}").path("/sources/solar/exports/preview"), 404),
        (preview("no json"), 400),
        (
            preview(r#"{"filters": {"colour": ["x"]}, "limit": 0}"#),
            422,
        ),
        (preview(&" ".repeat(limits::BODY_BYTES + 1)), 413),
    ] {
        let answer = answer(&world, &event).await;
        assert_eq!(answer.status(), status, "{event:?}");
        if status == 404 {
            assert_eq!(text(&answer), NOT_FOUND);
        }
        if status == 422 {
            let fields: Vec<_> = body(&answer)["errors"].as_array().unwrap().clone();
            assert_eq!(fields.len(), 2, "{fields:?}");
        }
    }
    for event in preview("{}").of_nobody() {
        let world = World::new();
        assert_eq!(answer(&world, &event).await.status(), 401);
        assert!(world.calls().is_empty());
    }
}
