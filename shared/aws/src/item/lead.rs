//! The leads' table, as whoever writes leads owes it.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use lead_export_core::lead::{Lead, OrgId, SourceId, Value};

use super::{Item, instant, key, names, text};

/// Digits that DynamoDB keeps of a number ("Data types": up to 38 digits of precision).
const DIGITS: usize = 38;
/// Powers of ten of the first digit that it keeps: 1E-130 to 9.99…E+125.
const POWERS: std::ops::RangeInclusive<i64> = -130..=125;

/// A lead as an item of the leads' table of a source with `shards` key-shards.
///
/// * `PK` = `{org}#{source}#{shard}`, `SK` = `{created_at}#{lead_id}`: a lead's place in the order of its source
/// * `ID_PK` = `{org}#{lead_id}`: the keys-only index by id
/// * `SAMPLE_PK` = `{org}#{source}`, on one lead in 1 024 alone: the sparse index that counts are estimated from
/// * `lead_id`, `created_at`, and each value under its field's key
///
/// A number that DynamoDB would round or refuse is stored as its text, and a set that it would refuse as a list.
pub fn lead_item(org: &OrgId, source: &SourceId, shards: u16, lead: &Lead) -> Item {
    let shard = lead.id.shard(shards);
    let mut item: Item = lead
        .values
        .iter()
        .map(|(key, value)| (key.clone(), attribute(value)))
        .collect();
    item.extend(key(
        format!("{org}#{source}#{shard}"),
        lead.key().to_string(),
    ));
    let mut set = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    set(names::LEAD_ID, text(lead.id.to_string()));
    set(names::CREATED_AT, instant(lead.created_at));
    set(names::ID_PK, text(format!("{org}#{}", lead.id)));
    if lead.id.is_sampled() {
        set(names::SAMPLE_PK, text(format!("{org}#{source}")));
    }
    item
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Number(value) if is_kept(value) => AttributeValue::N(value.clone()),
        Value::Text(value) | Value::Number(value) => text(value.clone()),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Binary(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Value::List(items) => AttributeValue::L(items.iter().map(attribute).collect()),
        Value::Set(items) => set(items).unwrap_or_else(|| listed(items)),
        Value::Map(members) => AttributeValue::M(
            members
                .iter()
                .map(|(key, value)| (key.clone(), attribute(value)))
                .collect(),
        ),
    }
}

/// A set of one type, each item once. None if DynamoDB has no such set: an empty one, or one of several types.
///
/// Of numbers only whole ones in their shortest form: `1` and `1.0` would be one number twice.
fn set(items: &[Value]) -> Option<AttributeValue> {
    fn all<T: Ord>(items: &[Value], of: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
        let all: Option<BTreeSet<T>> = items.iter().map(of).collect();
        all.filter(|all| !all.is_empty())
            .map(|all| all.into_iter().collect())
    }
    let texts = || {
        all(items, |item| match item {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    };
    let numbers = || {
        all(items, |item| match item {
            Value::Number(number) if is_plain(number) => Some(number.clone()),
            _ => None,
        })
    };
    let binaries = || {
        all(items, |item| match item {
            Value::Binary(bytes) => Some(bytes.clone()),
            _ => None,
        })
    };
    texts()
        .map(AttributeValue::Ss)
        .or_else(|| numbers().map(AttributeValue::Ns))
        .or_else(|| {
            let blobs = |all: Vec<Vec<u8>>| all.into_iter().map(Blob::new).collect();
            binaries().map(|all| AttributeValue::Bs(blobs(all)))
        })
}

/// In the order in which a set is shown.
fn listed(items: &[Value]) -> AttributeValue {
    let shown = |item: &&Value| match item {
        Value::Text(text) | Value::Number(text) => text.clone(),
        _ => String::new(),
    };
    let mut items: Vec<&Value> = items.iter().collect();
    items.sort_by_cached_key(shown);
    AttributeValue::L(items.into_iter().map(attribute).collect())
}

fn is_plain(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_shortest = number == "0" || !digits.starts_with('0');
    is_shortest && digits.len() <= DIGITS && is_digits(digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether DynamoDB keeps every digit of this number.
fn is_kept(number: &str) -> bool {
    let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, power)) => match power.parse::<i64>() {
            Ok(power) => (mantissa, power),
            Err(_) => return false,
        },
        None => (unsigned, 0),
    };
    let (whole, decimals) = match mantissa.split_once('.') {
        Some((whole, decimals)) if is_digits(decimals) => (whole, decimals),
        Some(_) => return false,
        None => (mantissa, ""),
    };
    if !is_digits(whole) {
        return false;
    }
    let digits: String = [whole, decimals].concat();
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        return true;
    }
    let place = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let first = power
        .saturating_add(place(whole.len()))
        .saturating_sub(place(leading) + 1);
    significant.len() <= DIGITS && POWERS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lead_export_core::lead::LeadId;
    use lead_export_core::time::Instant;

    fn lead(id: &str, values: &[(&str, Value)]) -> Lead {
        Lead {
            id: LeadId::parse(id).unwrap(),
            created_at: Instant::from_millis(0),
            values: values
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        }
    }

    fn item(lead: &Lead) -> Item {
        let org = OrgId::parse("acme").unwrap();
        lead_item(&org, &SourceId::parse("crm").unwrap(), 8, lead)
    }

    #[test]
    fn keys_name_the_place_the_id_and_the_sample() {
        let sampled = (0..100_000)
            .map(|number| format!("l-{number}"))
            .find(|id| LeadId::parse(id.as_str()).unwrap().is_sampled())
            .unwrap();
        for id in ["l-1", &sampled] {
            let lead = lead(id, &[("email", "a@b.c".into())]);
            let item = item(&lead);
            let shard = lead.id.shard(8);
            assert_eq!(item["PK"], text(format!("acme#crm#{shard}")));
            assert_eq!(item["SK"], text(format!("1970-01-01T00:00:00.000Z#{id}")));
            assert_eq!(item["ID_PK"], text(format!("acme#{id}")));
            assert_eq!(item["lead_id"], text(id));
            assert_eq!(item["created_at"], text("1970-01-01T00:00:00.000Z"));
            assert_eq!(item["email"], text("a@b.c"));
            let sample = (id == sampled).then(|| text("acme#crm"));
            assert_eq!(item.get("SAMPLE_PK"), sample.as_ref());
        }
    }

    #[test]
    fn numbers_that_would_change_are_texts() {
        let long = "1".repeat(39);
        let wide = format!("{}.{}", "1".repeat(20), "2".repeat(18));
        for (number, kept) in [
            ("0", true),
            ("0.000", true),
            ("-1.50", true),
            ("9007199254740993", true),
            (wide.as_str(), true),
            ("1e125", true),
            ("9.9E125", true),
            ("1e126", false),
            ("10e125", false),
            ("1e-130", true),
            ("1e-131", false),
            ("0.1e-130", false),
            (long.as_str(), false),
            ("NaN", false),
            ("", false),
            ("1.", false),
            (".5", false),
            ("1e", false),
        ] {
            let stored = attribute(&Value::Number(number.into()));
            assert_eq!(stored.is_n(), kept, "{number}");
            let same = stored.as_n().or(stored.as_s()).unwrap();
            assert_eq!(same, number);
        }
    }

    #[test]
    fn sets_hold_each_item_once_or_are_lists() {
        let number = |text: &str| Value::Number(text.into());
        let of = |items: Vec<Value>| attribute(&Value::Set(items));
        let texts = vec!["b".into(), "a".into(), "b".into()];
        assert_eq!(of(texts), AttributeValue::Ss(vec!["a".into(), "b".into()]));
        let twice = vec![number("1"), number("2"), number("1")];
        assert_eq!(of(twice), AttributeValue::Ns(vec!["1".into(), "2".into()]));
        let same = [number("1"), number("1.0")].map(|number| attribute(&number));
        let listed = of(vec![number("1.0"), number("1")]);
        assert_eq!(listed, AttributeValue::L(same.into()));
        assert!(of(vec![number("1"), "a".into()]).is_l());
        assert!(of(vec![]).is_l());
        let bytes = vec![Value::Binary(vec![1]), Value::Binary(vec![1])];
        assert_eq!(of(bytes), AttributeValue::Bs(vec![Blob::new(vec![1])]));
    }
}
