//! Rows that are not taken, each with its line.

use super::*;

#[tokio::test]
async fn each_skipped_row_is_told_with_its_line_and_reason() {
    let scene = Scene::with_fields().await;
    let csv = b"lead_id,created_at,email,income,roof,opted_in,birthday,updated_at\r\n\
        1,2026-01-01,a@x.example,1,tile,no,2000-01-01,2026-01-01T00:00:00Z\r\n\
        2,2026-01-01,a@x.example\r\n\
        3,2026-01-01,\xff\xfe,,,,,\r\n\
        ,2026-01-01,a@x.example,,,,,\r\n\
        1,2026-01-01,\"two\r\nlines\",,,,,\r\n\
        4,01/02/2026,,,,,,\r\n\
        5,,,,,,,\r\n\
        6,2026-11-22T12:00:00.001Z,,,,,,\r\n\
        7,2026-01-01,,12a,,,,\r\n\
        8,2026-01-01,,,thatch,,,\r\n\
        9,2026-01-01,,,,maybe,,\r\n\
        10,2026-01-01,,,,,2001-02-29,\r\n\
        11,2026-01-01,,,,,,yesterday\r\n\
        12,2026-01-01,,,,,,,\r\n\
        \r\n\
        13,2026-11-22T12:00:00Z,,,,,,\r\n";
    let (imported, told) = scene.import(csv).await.unwrap();
    assert_eq!(imported, counts(2, 0, 13));
    let told: Vec<String> = told
        .skipped
        .iter()
        .map(|(line, reason)| format!("{line}: {reason}"))
        .collect();
    assert_eq!(
        told,
        [
            "3: ragged: it has 3 cells, the first row has 8",
            "4: bad UTF-8 in 'email'",
            "5: the lead id is empty",
            "6: the lead id '1' is repeated: line 2 has it already",
            "8: bad date in 'created_at': '01/02/2026' is none of 2026-11-22T02:43:00Z, 2026-11-22 and 2026-11-22 02:43:00",
            "9: bad date in 'created_at': '' is none of 2026-11-22T02:43:00Z, 2026-11-22 and 2026-11-22 02:43:00",
            "10: future date in 'created_at': '2026-11-22T12:00:00.001Z'",
            "11: bad number in 'income': '12a' must be a number such as -12.50",
            "12: 'roof': 'thatch' is none of its options",
            "13: bad boolean in 'opted_in': 'maybe' is neither true nor false",
            "14: bad date in 'birthday': '2001-02-29' is no day such as 2026-11-22",
            "15: bad date in 'updated_at': 'yesterday' is none of 2026-11-22T02:43:00Z, 2026-11-22 and 2026-11-22 02:43:00",
            "16: ragged: it has 9 cells, the first row has 8",
        ]
    );
}

#[tokio::test]
async fn lines_are_counted_whatever_ends_them() {
    for (csv, line) in [
        ("lead_id,city\n1,A\n\n2\n", 4),
        ("lead_id,city\r\n1,\"A\r\n\r\nB\"\r\n2\r\n", 5),
        ("\n\nlead_id,city\n\n\n2", 6),
    ] {
        let (_, told) = Scene::new().import(csv).await.unwrap();
        assert_eq!(told.skipped[0].0, line, "{csv:?}");
    }
}

#[tokio::test]
async fn the_first_row_of_an_id_counts_if_it_is_taken() {
    let scene = Scene::new();
    let csv = "lead_id,created_at,city\n1,never,Rome\n1,2026-01-01,Bern\n1,2026-01-01,Oslo\n";
    let (imported, told) = scene.import(csv).await.unwrap();
    assert_eq!(imported, counts(1, 0, 2));
    assert!(
        told.skipped[1].1.contains("line 3 has it"),
        "{told:?}",
        told = told.skipped
    );
    assert_eq!(
        scene.depot.leads(&scene.source().await)[0].values["city"],
        "Bern".into()
    );
}

#[tokio::test]
async fn what_no_store_holds_is_skipped() {
    let scene = Scene::with_fields().await;
    let long = "x".repeat(129);
    let large = "x".repeat(410 * 1024);
    let digits = "1".repeat(39);
    let csv = format!("lead_id,city,income\n{long},A,\n2,{large},\n3,,{digits}\n,,\n");
    let (_, told) = scene.import(csv).await.unwrap();
    let told: Vec<&str> = told
        .skipped
        .iter()
        .map(|(_, reason)| reason.as_str())
        .collect();
    assert_eq!(told[0], "the lead id is longer than 128 characters");
    assert_eq!(told[1], "too large: a lead has at most 400 KB");
    assert!(
        told[2].contains("at most 38 significant digits"),
        "{}",
        told[2]
    );
    assert_eq!(told[3], "empty: no cell is filled");
}

#[tokio::test]
async fn moments_are_read_in_the_zone_and_through_its_jumps() {
    for (cell, expected) in [
        ("2026-07-01", Some("2026-07-01T04:00:00.000Z")),
        ("2026-01-01 23:59:59", Some("2026-01-02T04:59:59.000Z")),
        (
            "2026-01-01T00:00:00+01:00",
            Some("2025-12-31T23:00:00.000Z"),
        ),
        // The hour that the spring leaves out is read as the clock would run on.
        ("2026-03-08 02:30:00", Some("2026-03-08T07:30:00.000Z")),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01 00:00", None),
        ("2026-1-1", None),
        ("20260101", None),
        ("2026-02-30", None),
        ("2026-01-01 24:00:00", None),
    ] {
        let mut scene = Scene::new();
        scene.time_zone = Some("America/New_York".into());
        let (_, told) = scene
            .import(format!("lead_id,created_at\n1,{cell}\n"))
            .await
            .unwrap();
        match expected {
            None => assert!(told.skipped[0].1.starts_with("bad date"), "{cell}"),
            Some(expected) => {
                let leads = scene.depot.leads(&scene.source().await);
                assert_eq!(leads[0].created_at.to_string(), expected, "{cell}");
            }
        }
    }
}
