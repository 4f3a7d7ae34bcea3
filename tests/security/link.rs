//! T-URL, TM11, TM12, BI14: a link opens one file, for a while, with no header at all, and nothing else.

use std::time::Duration;

use lead_export_aws::clients::Aws;
use lead_export_aws::objects::S3Signer;
use lead_export_core::ports::{FileKind, UrlSigner as _};
use lead_export_core::record::{ExportId, RunId};
use lead_export_core::time::Instant;
use uuid::Uuid;

use crate::cases;
use crate::dice::Dice;
use crate::sigv4::{Asked, Verifier};

/// 2026-11-22T02:43:00Z.
const START: i64 = 1_795_315_380;
const LIFE: i64 = 300;
const VERIFIER: Verifier = Verifier {
    access_key: "AKID",
    secret: "secret+/key",
    session: Some("to+ken/="),
    region: "eu-central-1",
};

pub(crate) async fn signed(name: &str) -> String {
    let aws = Aws::from_variables(|variable| match variable {
        "AWS_REGION" => Some(VERIFIER.region.into()),
        "AWS_ACCESS_KEY_ID" => Some(VERIFIER.access_key.into()),
        "AWS_SECRET_ACCESS_KEY" => Some(VERIFIER.secret.into()),
        "AWS_SESSION_TOKEN" => VERIFIER.session.map(str::to_owned),
        _ => None,
    });
    let signer = S3Signer::new(aws.unwrap().s3(), "files-bucket".into());
    let kind = FileKind {
        content_type: "text/csv; charset=utf-8",
    };
    let (export, run) = (ExportId(Uuid::from_u128(7)), RunId(Uuid::from_u128(9)));
    let now = Instant::from_millis(START * 1000 + 250);
    let life = Duration::from_secs(LIFE.unsigned_abs());
    signer
        .sign(export, run, name, &kind, now, life)
        .await
        .unwrap()
}

#[tokio::test]
async fn link_opens_with_no_header_until_its_last_second() {
    let asked = Asked::get(&signed("home-insurance_2026-11-22T02-43-00Z.csv").await);
    for (second, expected) in [
        (0, Ok(())),
        (LIFE, Ok(())),
        (LIFE + 1, Err("expired")),
        (LIFE * 9, Err("expired")),
    ] {
        assert_eq!(VERIFIER.check(&asked, START + second), expected, "{second}");
    }
    // The order of parameters is no part of it.
    let mut turned = asked.clone();
    turned.query.reverse();
    assert_eq!(VERIFIER.check(&turned, START), Ok(()));
}

#[tokio::test]
async fn another_method_key_or_host_is_refused() {
    let good = Asked::get(&signed("a.csv").await);
    for method in ["HEAD", "PUT", "POST", "DELETE", "get", "OPTIONS"] {
        let asked = Asked {
            method,
            ..good.clone()
        };
        assert_eq!(VERIFIER.check(&asked, START), Err("signature"), "{method}");
    }
    let other = Uuid::from_u128(8).to_string();
    for path in [
        good.path.replace(&Uuid::from_u128(7).to_string(), &other),
        good.path.replace("files/", "work/"),
        format!("{}/", good.path),
        format!("{}/tail", good.path),
        good.path.to_uppercase(),
        "/".to_owned(),
    ] {
        let asked = Asked {
            path: path.clone(),
            ..good.clone()
        };
        assert_eq!(VERIFIER.check(&asked, START), Err("signature"), "{path}");
    }
    for host in [
        "other.s3.eu-central-1.amazonaws.com",
        "files-bucket.s3.us-east-1.amazonaws.com",
        "",
    ] {
        let asked = Asked {
            host: host.into(),
            ..good.clone()
        };
        assert_eq!(VERIFIER.check(&asked, START), Err("signature"), "{host}");
    }
}

#[tokio::test]
async fn every_altered_parameter_is_refused() {
    let good = Asked::get(&signed("a b.csv").await);
    assert_eq!(VERIFIER.check(&good, START), Ok(()));
    for at in 0..good.query.len() {
        let name = &good.query[at].0;
        let mut gone = good.clone();
        gone.query.remove(at);
        assert!(VERIFIER.check(&gone, START).is_err(), "without {name}");
        let mut twice = good.clone();
        twice.query.push(good.query[at].clone());
        assert!(VERIFIER.check(&twice, START).is_err(), "{name} twice");
        for value in [
            "",
            "0",
            "1",
            "604800",
            "host",
            "text/html",
            "inline",
            "AWS4-HMAC-SHA1",
            "20261123T024300Z",
        ] {
            if good.query[at].1 == value {
                continue;
            }
            let mut other = good.clone();
            other.query[at].1 = value.into();
            assert!(VERIFIER.check(&other, START).is_err(), "{name}={value}");
        }
    }
    for added in [
        "versionId",
        "partNumber",
        "response-content-encoding",
        "x-id",
        "uploads",
        "acl",
        "torrent",
        "X-Amz-Foo",
    ] {
        // What the SDK names itself is there already.
        let mut more = good.clone();
        more.query.push((added.into(), "1".into()));
        assert!(VERIFIER.check(&more, START).is_err(), "{added}");
    }
}

/// Any one byte of path or query, changed to any other that means something else.
#[tokio::test]
async fn no_altered_byte_opens_anything() {
    let url = signed("Häuser \"x\".csv").await;
    let start = url.split_once("://").unwrap().1.find('/').unwrap() + "https://".len();
    let good = Asked::get(&url);
    let canonical = |asked: &Asked| {
        let mut pairs: Vec<_> = asked
            .query
            .iter()
            .map(|(name, value)| {
                let plain =
                    |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
                (plain(name), plain(value))
            })
            .collect();
        pairs.sort();
        (
            percent_encoding::percent_decode_str(&asked.path).collect::<Vec<u8>>(),
            pairs,
        )
    };
    let mut dice = Dice(14);
    let (mut refused, mut same) = (0, 0);
    for _ in 0..cases(20_000) {
        let mut bytes = url.clone().into_bytes();
        for _ in 0..=dice.below(3) {
            let at = start + dice.below(bytes.len() - start);
            match dice.below(4) {
                0 => {
                    bytes.remove(at);
                }
                1 => bytes.insert(at, b"aZ09%&=-._~+/"[dice.below(13)]),
                _ => bytes[at] = b"abcdefABCDEFZ0123456789%&=-._~+/"[dice.below(32)],
            }
        }
        let changed = String::from_utf8(bytes).unwrap();
        if !changed[start..].starts_with('/') || !changed.contains('?') {
            continue;
        }
        let asked = Asked::get(&changed);
        if canonical(&asked) == canonical(&good) {
            same += 1;
            continue;
        }
        refused += 1;
        assert!(VERIFIER.check(&asked, START).is_err(), "{changed}");
    }
    println!("{refused} altered links refused, {same} were the same");
    assert!(refused > 15_000);
}
