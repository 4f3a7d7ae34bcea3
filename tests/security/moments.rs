//! BI13: odd times. A file ends once, at one instant; a clock that is off, or steps back, moves nothing but what it shows.

use std::time::Duration;

use lead_export_core::limits;
use lead_export_core::record::Status;
use lead_export_core::time::Instant;

use crate::apps::Apps;
use crate::cases;
use crate::dice::Dice;
use crate::http_api::body;
use crate::model::{ROUTES, Route, State};

fn route(key: &str) -> &'static Route {
    ROUTES.iter().find(|route| route.key == key).unwrap()
}

/// The start of time as computers count it, its end in 32 bits, a leap second, both turns of the clocks in New York, the ends of what
/// an instant can be.
const MOMENTS: [&str; 10] = [
    "0000-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00Z",
    "2016-12-31T23:59:59.999Z",
    "2026-03-08T06:59:59.999Z",
    "2026-11-01T05:59:59.999Z",
    "2038-01-19T03:14:07.999Z",
    "2106-02-07T06:28:15.999Z",
    "2400-02-29T12:00:00Z",
    "9999-12-01T00:00:00Z",
];

#[tokio::test]
async fn files_end_at_one_instant_whatever_the_clock_does() {
    let (download, show) = (
        route("GET /exports/{id}/download"),
        route("GET /exports/{id}"),
    );
    let mut dice = Dice(13);
    let (mut open, mut over) = (0, 0);
    for moment in MOMENTS {
        let apps = Apps::plain().await;
        let clock = &apps.world.clock;
        let start = Instant::parse(moment).unwrap();
        clock.set(start);
        let state = State::Is(Status::Completed);
        let id = apps.put("acme", "home-insurance", "adam", state).await;
        let id = id.to_string();
        let end = start.plus(limits::RETENTION);
        let near = |millis: i64| Instant::from_millis(end.millis() + millis);
        let mut times = vec![
            start,
            start.minus(Duration::from_mins(15)),
            near(-1),
            near(0),
            near(1),
            near(-1),
            near(15 * 60_000),
            start,
            Instant::MIN,
            Instant::MAX,
        ];
        for _ in 0..cases(40) {
            let spread = i64::try_from(dice.below(1 << 34)).unwrap();
            times.push(near(spread - (1 << 33)));
        }
        for now in times {
            clock.set(now);
            let at = ("home-insurance", id.as_str());
            let link = apps.call(download, at, ("acme", "adam")).await;
            let shown = body(&apps.call(show, at, ("acme", "adam")).await);
            let name = format!("{moment}, asked at {now}");
            if now < end {
                open += 1;
                assert_eq!(link.status(), 303, "{name}");
                assert_eq!(shown["status"], "completed", "{name}");
                let until = body(&link)["url_expires_at"].as_str().unwrap().to_owned();
                let until = Instant::parse(&until).unwrap();
                assert_eq!(until, now.plus(limits::DOWNLOAD_TTL), "{name}");
            } else {
                over += 1;
                assert_eq!(link.status(), 410, "{name}");
                assert_eq!(shown["status"], "expired", "{name}");
            }
            assert_eq!(shown["file_expires_at"], end.to_string(), "{name}");
        }
    }
    assert!(open > 100 && over > 100, "{open} open, {over} over");
}
