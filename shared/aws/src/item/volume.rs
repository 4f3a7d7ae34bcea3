//! The exports' table: the leads of users' days.

use aws_sdk_dynamodb::types::AttributeValue;
use lead_export_core::ports::{Charge, VolumeKey};
use uuid::Uuid;

use super::{BadItem, Item, Parts, key, names, number, user_part};

const VOLUME: &str = "volume";

fn partition(day: &VolumeKey) -> String {
    format!("{}#{}#{}", day.org, user_part(&day.user), day.day)
}

/// The key of a day's sum.
pub(crate) fn volume_key(day: &VolumeKey) -> Item {
    key(partition(day), VOLUME)
}

/// The key of what one delivery has added to a day.
pub(crate) fn delivery_key(day: &VolumeKey, id: Uuid) -> Item {
    key(partition(day), format!("{VOLUME}#{id}"))
}

/// What one delivery adds to a day.
pub(crate) fn delivery_item(charge: &Charge) -> Item {
    let mut item = delivery_key(&charge.key, charge.id);
    item.insert(names::LEADS.to_owned(), number(charge.leads));
    item.insert(names::EXPIRES_AT.to_owned(), expires_at(charge));
    item
}

/// Seconds since 1970 after which a row of a day may go. Whole days, so nothing is rounded away.
pub(crate) fn expires_at(charge: &Charge) -> AttributeValue {
    let seconds = charge.until.millis().div_euclid(1000);
    AttributeValue::N(seconds.to_string())
}

/// The leads that a row of a day counts.
pub(crate) fn leads_of(item: Item) -> Result<u64, BadItem> {
    Parts(item).read(names::LEADS)
}
