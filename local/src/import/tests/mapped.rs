//! Which field a column becomes, and what its cells do.

use super::*;

#[tokio::test]
async fn headers_map_themselves_by_key_and_by_label_ignoring_case() {
    let scene = Scene::with_fields().await;
    let csv = "Lead-ID,FIRST NAME,email(s),Phone(s),postal code,Industry (Person),INCOME,roof type,opted_in,Created At,Source ID\n\
               7,Ann,\"a@x.example; b@x.example\",\"1, 2\",00100,Solar,12.50,Slate,yes,2026-01-02,other\n";
    let leads = scene.leads(csv).await;
    assert_eq!(leads[0].id.as_str(), "7");
    // Midnight in the source's zone.
    assert_eq!(leads[0].created_at.to_string(), "2026-01-02T05:00:00.000Z");
    assert_eq!(
        leads[0].values,
        values(&[
            ("first_name", "Ann".into()),
            ("emails", list(&["a@x.example", "b@x.example"])),
            ("phones", list(&["1", "2"])),
            ("zip", "00100".into()),
            ("industry", "Solar".into()),
            ("income", number("12.50")),
            ("roof", "slate".into()),
            ("opted_in", Value::Bool(true)),
        ])
    );
    let source = scene.source().await;
    assert_eq!((source.custom.len(), source.people), (5, true));
}

#[tokio::test]
async fn people_are_turned_on_by_a_filled_cell_and_by_nothing_less() {
    for (csv, people) in [
        ("lead_id,city\n1,Rome\n", false),
        // Columns that are there and never filled, of a person and of a company.
        ("lead_id,Job Title,company_name\n1,,\n2,\"\",\n", false),
        ("lead_id,Seniority\n1,\n", false),
        ("lead_id,Job Title,company_name\n1,,\n2,,Acme\n", true),
        ("lead_id,Job Title\n1,Roofer\n", true),
    ] {
        let scene = Scene::new();
        scene.leads(csv).await;
        assert_eq!(scene.source().await.people, people, "{csv}");
    }
    // Nor by a row that is not taken.
    let scene = Scene::new();
    let (_, told) = scene
        .import("lead_id,created_at,Job Title\n1,2026-01-02,\n2,soon,Roofer\n")
        .await
        .unwrap();
    assert_eq!(
        (told.skipped.len(), scene.source().await.people),
        (1, false)
    );
    // What was on stays on.
    scene.leads("lead_id,Job Title\n3,Roofer\n").await;
    scene.leads("lead_id,city\n4,Rome\n").await;
    assert!(scene.source().await.people);
}

#[tokio::test]
async fn other_headers_become_custom_fields_of_text() {
    let scene = Scene::new();
    let csv = "lead_id,Favourite Colour!,,Favourite-Colour,city,City,educations\n1,red,x,blue,Rome,Bern,none\n";
    let leads = scene.leads(csv).await;
    assert_eq!(
        leads[0].values,
        values(&[
            ("favourite_colour", "red".into()),
            ("column_3", "x".into()),
            ("favourite_colour_2", "blue".into()),
            ("city", "Rome".into()),
            ("city_2", "Bern".into()),
            ("educations_2", "none".into()),
        ])
    );
    let source = scene.source().await;
    let fields: Vec<(&str, &str, CustomKind)> = source
        .custom
        .iter()
        .map(|field| (field.key.as_str(), field.label.as_str(), field.kind))
        .collect();
    assert_eq!(
        fields,
        [
            ("favourite_colour", "Favourite Colour!", CustomKind::Text),
            ("column_3", "column_3", CustomKind::Text),
            ("favourite_colour_2", "Favourite-Colour", CustomKind::Text),
            ("city_2", "City", CustomKind::Text),
            ("educations_2", "educations", CustomKind::Text),
        ]
    );
    // The same file again defines nothing more.
    scene.import(csv).await.unwrap();
    assert_eq!(scene.source().await, source);
}

#[tokio::test]
async fn choices_win_over_what_headers_say() {
    let mut scene = Scene::new();
    scene.choices = Choices {
        map: vec![
            ("Ref=No".into(), "lead_id".into()),
            ("mail".into(), "email".into()),
            ("email".into(), "old_mail".into()),
        ],
        attributes: vec!["Campaign".into()],
        types: vec![
            ("Income".into(), "number".parse().unwrap()),
            ("Since".into(), "date".parse().unwrap()),
            ("Roof".into(), "dropdown".parse().unwrap()),
        ],
        ..Choices::default()
    };
    let csv = "Ref=No,Mail,email,Campaign,Income,Since,Roof\n\
               1,a@x.example,b@x.example,\"TV, Radio\",5,2020-02-29,tile\n\
               2,,,TV,1e3,,Tile\n\
               3,,,,,,slate\n";
    let leads = scene.leads(csv).await;
    assert_eq!(
        leads[0].values,
        values(&[
            ("email", "a@x.example".into()),
            ("old_mail", "b@x.example".into()),
            ("campaign", list(&["TV", "Radio"])),
            ("income", number("5")),
            ("since", "2020-02-29".into()),
            ("roof", "tile".into()),
        ])
    );
    assert_eq!(
        leads[1].values,
        values(&[
            ("campaign", list(&["TV"])),
            ("income", number("1e3")),
            ("roof", "tile".into())
        ])
    );
    let source = scene.source().await;
    assert_eq!(
        source.attributes[0],
        Attribute {
            key: "campaign".into(),
            label: "Campaign".into()
        }
    );
    let roof = source
        .custom
        .iter()
        .find(|field| field.key == "roof")
        .unwrap();
    assert_eq!(roof.options, ["tile", "slate"]);
}

#[tokio::test]
async fn choices_that_do_not_fit_are_refused_and_nothing_is_taken() {
    let csv = "a,b,email\n1,2,3\n";
    let map = |header: &str, key: &str| vec![(header.to_owned(), key.to_owned())];
    let types = |header: &str, kind: &str| vec![(header.to_owned(), kind.parse().unwrap())];
    let none = Choices::default;
    for (choices, expected) in [
        (
            Choices {
                map: map("c", "city"),
                ..none()
            },
            "no column 'c'; it has 'a', 'b', 'email'",
        ),
        (
            Choices {
                map: map("a", "Big City"),
                ..none()
            },
            "'Big City' is no key",
        ),
        (
            Choices {
                map: map("a", "educations"),
                ..none()
            },
            "cannot be filled",
        ),
        (
            Choices {
                map: [map("a", "city"), map("b", "city")].concat(),
                ..none()
            },
            "two columns are mapped to 'city'",
        ),
        (
            Choices {
                map: [map("a", "city"), map("a", "zip")].concat(),
                ..none()
            },
            "'a' is mapped twice",
        ),
        (
            Choices {
                map: map("a", "city"),
                types: types("a", "number"),
                ..none()
            },
            "the field 'city' of every source",
        ),
        (
            Choices {
                attributes: vec!["a".into()],
                types: types("a", "number"),
                ..none()
            },
            "attribute and have a type",
        ),
        (
            Choices {
                map: map("a", "income"),
                types: types("a", "date"),
                ..none()
            },
            "'income' of the source is of another type",
        ),
    ] {
        let mut scene = Scene::with_fields().await;
        let before = scene.source().await;
        scene.choices = choices;
        let refusal = scene.refusal(csv).await;
        assert!(refusal.contains(expected), "{refusal}");
        assert_eq!(scene.source().await, before);
    }
    assert!(
        "colour"
            .parse::<TypeName>()
            .unwrap_err()
            .contains("dropdown")
    );
}

#[tokio::test]
async fn a_dropdown_of_a_thousand_options_is_refused() {
    let mut scene = Scene::new();
    scene.choices.types = vec![("a".into(), "dropdown".parse().unwrap())];
    let rows: Vec<String> = (0..300).map(|row| format!("{row}\n")).collect();
    let rows = rows.concat();
    assert!(
        scene
            .refusal(format!("a\n{rows}"))
            .await
            .contains("too many for a dropdown")
    );
    assert!(scene.refusal("a,b\n,1\n").await.contains("needs options"));
}

#[test]
fn pairs_are_divided_at_the_last_sign() {
    assert_eq!(pair("a=b=c"), Ok(("a=b".into(), "c".into())));
    for bad in ["a", "=a", "a="] {
        assert!(pair(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn delimiters_byte_order_mark_and_line_ends_are_taken_as_they_come() {
    for csv in [
        "lead_id,city,income\n1,\"Rome, IT\",1.5\n",
        "\u{feff}lead_id,city,income\r\n1,\"Rome, IT\",1.5\r\n",
        "\u{feff}\"lead_id\";\"city\";income\r\n1;Rome, IT;1,5",
        "\n\nlead_id\tcity\tincome\n\n1\tRome, IT\t1.5\n\n",
        "lead_id,city,income\r1,\"Rome, IT\",1.5\r",
    ] {
        let scene = Scene::with_fields().await;
        let leads = scene.leads(csv).await;
        assert_eq!(leads.len(), 1, "{csv:?}");
        assert_eq!(
            leads[0].values,
            values(&[("city", "Rome, IT".into()), ("income", number("1.5"))]),
            "{csv:?}"
        );
    }
    // One column: what stands in its cells is not looked at.
    let scene = Scene::new();
    let leads = scene.leads("emails\na@x.example;b@x.example\n").await;
    let both = list(&["a@x.example", "b@x.example"]);
    assert_eq!(leads[0].values, values(&[("emails", both)]));
}

#[tokio::test]
async fn what_is_no_csv_is_refused_in_a_sentence() {
    let scene = Scene::new();
    for (bytes, expected) in [
        (&b""[..], "is empty"),
        (b"\n\n", "is empty"),
        (b"PK\x03\x04\x00\x00", "is no CSV file"),
        (b"\xff\xfel\x00e\x00", "is no CSV file"),
    ] {
        let refusal = scene.refusal(bytes).await;
        assert!(refusal.contains(expected), "{refusal}");
    }
    let order = Order {
        file: "/no/such/file.csv".into(),
        org: org(),
        source: id(),
        user: "alice".into(),
        choices: Choices::default(),
        time_zone: None,
    };
    let error = import(&scene.depot, &order, scene.start, &mut Told::default())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("file.csv cannot be read"),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let folder = Order {
        file: folder.path().to_owned(),
        ..order
    };
    let error = import(&scene.depot, &folder, scene.start, &mut Told::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("is a folder"), "{error}");
}

#[tokio::test]
async fn an_unknown_zone_is_refused() {
    let mut scene = Scene::new();
    scene.time_zone = Some("Mars/Olympus".into());
    assert!(
        scene
            .refusal("city\nRome\n")
            .await
            .contains("no IANA time zone")
    );
}
