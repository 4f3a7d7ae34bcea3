//! What is read of an environment, and what is wrong with it.

use super::*;

pub(super) fn of(name: &'static str, value: &str) -> Config {
    Config::from_iter([(name, value)])
}

pub(super) fn malformed<T: std::fmt::Debug + PartialEq>(
    answer: Result<T, ConfigError>,
    name: &str,
) {
    match answer {
        Err(ConfigError::Malformed { name: told, .. }) => assert_eq!(told, name),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn what_is_missing_is_named() {
    fn told<T: std::fmt::Debug>(answer: Result<T, ConfigError>) -> String {
        answer.unwrap_err().to_string()
    }
    let none = Config::default();
    for (name, error) in [
        ("LEADS_TABLE", told(none.leads_table())),
        ("SOURCES_TABLE", told(none.sources_table())),
        ("EXPORTS_TABLE", told(none.exports_table())),
        ("AUDIT_TABLE", told(none.audit_table())),
        ("FILES_BUCKET", told(none.files_bucket())),
        ("EXPORTS_QUEUE_URL", told(none.exports_queue_url())),
        ("RETENTION", told(none.retention())),
        ("DOWNLOAD_TTL", told(none.download_ttl())),
        ("MAX_ACTIVE_EXPORTS", told(none.max_active_exports())),
        ("DAILY_VOLUME", told(none.daily_volume())),
        ("SLICE", told(none.slice())),
        ("READ_CONSISTENCY", told(none.reads_consistently())),
        ("READ_UNITS", told(none.read_units())),
        ("SINGLE_ORG", told(none.claim_rules())),
        ("ALLOWED_ORIGINS", told(none.allowed_origins())),
        ("MAIL_FROM", told(none.mail_from())),
        ("PAGE_URL", told(none.telling())),
    ] {
        assert_eq!(error, format!("the environment variable {name} is not set"));
    }
    let empty = of("LEADS_TABLE", "");
    assert_eq!(
        empty.leads_table(),
        Err(ConfigError::Missing("LEADS_TABLE"))
    );
}

#[test]
fn durations_are_numbers_with_a_unit() {
    for (text, seconds) in [
        ("300s", 300),
        ("5m", 300),
        ("12h", 43_200),
        ("7d", 604_800),
        ("007d", 604_800),
    ] {
        assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
    }
    for bad in [
        "",
        "s",
        "5",
        "0s",
        "-5m",
        "+5m",
        "5 m",
        " 5m",
        "5M",
        "1.5h",
        "5ms",
        "1w",
        "36501d",
        "99999999999999999999s",
        "٣s",
    ] {
        assert_eq!(duration(bad), None, "{bad}");
    }
    malformed(of("SLICE", "300").slice(), "SLICE");
}

#[test]
fn links_live_a_quarter_of_an_hour_at_most() {
    let asked = |ttl| of("DOWNLOAD_TTL", ttl).download_ttl();
    assert_eq!(asked("5m"), Ok(Duration::from_mins(5)));
    assert_eq!(asked("1h"), Ok(limits::DOWNLOAD_TTL_MAX));
    malformed(asked("soon"), "DOWNLOAD_TTL");
}

#[test]
fn quota_and_consistency_are_checked() {
    let quota = |value| of("MAX_ACTIVE_EXPORTS", value).max_active_exports();
    assert_eq!(quota("20"), Ok(20));
    for bad in ["0", "-1", "1001", "many"] {
        malformed(quota(bad), "MAX_ACTIVE_EXPORTS");
    }
    let volume = |value| of("DAILY_VOLUME", value).daily_volume();
    assert_eq!(volume("0"), Ok(DailyVolume::default()));
    assert_eq!(volume("100000"), Ok(DailyVolume::new(100_000)));
    for bad in ["-1", "+1", "1.5", "off", "18446744073709551616"] {
        malformed(volume(bad), "DAILY_VOLUME");
    }
    let consistency = |value| of("READ_CONSISTENCY", value).reads_consistently();
    assert_eq!(consistency("strong"), Ok(true));
    assert_eq!(consistency("eventual"), Ok(false));
    malformed(consistency("Strong"), "READ_CONSISTENCY");
    let units = |value| of("READ_UNITS", value).read_units();
    assert_eq!(units("0"), Ok(None));
    assert_eq!(units("2500"), Ok(Some(2500)));
    for bad in ["-1", "2.5", "all", "4294967296"] {
        malformed(units(bad), "READ_UNITS");
    }
}

#[test]
fn rules_of_claims_are_off_only_on_purpose() {
    let all = [
        ("ORG_CLAIM", "org_id"),
        ("SINGLE_ORG", ""),
        ("TOKEN_USE", "access"),
        ("REQUIRED_SCOPE", ""),
    ];
    let rules = Config::from_iter(all).claim_rules().unwrap();
    assert_eq!(rules.org_claim, "org_id");
    assert_eq!(rules.single_org, None);
    assert_eq!(rules.token_use.as_deref(), Some("access"));
    assert_eq!(rules.required_scope, None);
    for (missing, _) in all {
        let rest = all.into_iter().filter(|(name, _)| *name != missing);
        let answer = rest.collect::<Config>().claim_rules();
        assert_eq!(answer, Err(ConfigError::Missing(missing)));
    }
    let bad = all.map(|(name, value)| (name, if name == "SINGLE_ORG" { "a#b" } else { value }));
    malformed(Config::from_iter(bad).claim_rules(), "SINGLE_ORG");
}

#[test]
fn mails_are_off_only_on_purpose() {
    let from = |value| of("MAIL_FROM", value).mail_from();
    assert_eq!(from(""), Ok(None));
    assert_eq!(
        from("exports@example.com").unwrap().unwrap().as_str(),
        "exports@example.com"
    );
    malformed(from("Exports <exports@example.com>"), "MAIL_FROM");
    let telling = |bus, page| {
        let variables = [("EVENT_BUS", bus), ("PAGE_URL", page), ("MAIL_FROM", "")];
        Config::from_iter(variables).telling()
    };
    assert_eq!(
        telling("default", "http://127.0.0.1:3000")
            .unwrap()
            .mail_from,
        None
    );
    assert_eq!(
        telling("", "https://x"),
        Err(ConfigError::Missing("EVENT_BUS"))
    );
    for bad in ["exports.example.com", "https://", "ftp://x", "https://a b"] {
        malformed(telling("default", bad), "PAGE_URL");
    }
}
