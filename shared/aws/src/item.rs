//! Records as items of tables, and back: the only place with attribute names.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use lead_export_core::ports::{StoreError, StoreErrorKind};
use lead_export_core::time::Instant;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) mod audit;
pub(crate) mod export;
pub(crate) mod lead;
pub(crate) mod preset;
pub(crate) mod source;
pub(crate) mod volume;

/// An item of a table.
pub type Item = HashMap<String, AttributeValue>;

/// The names of attributes and indexes. Those of keys are in capitals: no field of a lead is, so the two never meet.
pub(crate) mod names {
    /// The partition key of every table.
    pub(crate) const PK: &str = "PK";
    /// The sort key of every table.
    pub(crate) const SK: &str = "SK";

    /// Leads: `{org}#{lead id}`, the key of the index [`BY_ID`].
    pub(crate) const ID_PK: &str = "ID_PK";
    /// Leads: `{org}#{source}`, only on one lead in 1 024; the key of the index [`SAMPLE`].
    pub(crate) const SAMPLE_PK: &str = "SAMPLE_PK";
    /// The index of leads by their id.
    pub(crate) const BY_ID: &str = "by_id";
    /// The index of the sampled leads, in their order.
    pub(crate) const SAMPLE: &str = "sample";

    /// Exports: `{org}#{source}`, the partition key of the index [`HISTORY`].
    pub(crate) const HISTORY_PK: &str = "HISTORY_PK";
    /// Exports: `{requested at}#{id}`, the sort key of the index [`HISTORY`].
    pub(crate) const HISTORY_SK: &str = "HISTORY_SK";
    /// Exports: a number by the id, only while something is due; the partition key of the index [`DUE`].
    pub(crate) const DUE_SHARD: &str = "DUE_SHARD";
    /// The index of a source's exports by request.
    pub(crate) const HISTORY: &str = "history";
    /// The index of what somebody must look at, by date.
    pub(crate) const DUE: &str = "due";

    /// The version of the item's shape. Items of the first release have it in records of exports alone.
    pub(crate) const V: &str = "v";
    pub(crate) const VERSION: &str = "version";
    pub(crate) const BY: &str = "by";
    pub(crate) const STATUS: &str = "status";
    pub(crate) const HEAD: &str = "head";
    pub(crate) const PLAN: &str = "plan";
    pub(crate) const CHECKPOINT: &str = "checkpoint";
    pub(crate) const LEASE: &str = "lease";
    pub(crate) const TRIES: &str = "tries";
    pub(crate) const SLICES: &str = "slices";
    pub(crate) const DUE_AT: &str = "due_at";
    pub(crate) const CLEAN_AT: &str = "clean_at";
    pub(crate) const NOTIFY: &str = "notify";
    pub(crate) const TIMELINE: &str = "timeline";
    /// Exports: whom to send a mail, if it was asked for.
    pub(crate) const MAIL: &str = "mail";

    /// An organization's active exports: a set of ids.
    pub(crate) const ACTIVE: &str = "active";

    /// Volumes: leads that a delivery, or a user's day, counts.
    pub(crate) const LEADS: &str = "leads";

    pub(crate) const FINGERPRINT: &str = "fingerprint";
    pub(crate) const EXPORT_ID: &str = "export_id";
    /// Until when an idempotency row counts, to the millisecond.
    pub(crate) const UNTIL: &str = "until";
    /// Seconds since 1970 after which DynamoDB may delete a row, some day.
    pub(crate) const EXPIRES_AT: &str = "expires_at";

    /// Audit rows: `{org}#{source}`, the partition key of the index [`BY_SOURCE`].
    pub(crate) const SOURCE_PK: &str = "SOURCE_PK";
    /// The index of audit rows by their export's source, in their order.
    pub(crate) const BY_SOURCE: &str = "by_source";
    pub(crate) const ID: &str = "id";
    pub(crate) const AT: &str = "at";

    /// Sources: drawn anew by every write.
    pub(crate) const REVISION: &str = "revision";
    pub(crate) const USER: &str = "user";
    pub(crate) const SOURCE: &str = "source";

    /// Presets: the JSON text of the body.
    pub(crate) const REQUEST: &str = "request";
    pub(crate) const SAVED_BY: &str = "saved_by";
    pub(crate) const SAVED_AT: &str = "saved_at";

    pub(crate) const LEAD_ID: &str = "lead_id";
    pub(crate) const CREATED_AT: &str = "created_at";
}

/// Why an item makes no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadItem {
    /// An attribute that every such item has.
    #[error("the attribute {0} is missing")]
    Missing(&'static str),
    /// An attribute of another type, or of a form that nobody writes. What it holds, and its reader's words on it, may be a
    /// filter's literals, and these errors are logged: the name must do (TM14).
    #[error("the attribute {0} is malformed")]
    Malformed(&'static str),
    /// Written by a later release.
    #[error("the record has the shape {0}, which this release does not know")]
    Shape(u32),
}

impl BadItem {
    pub(crate) fn of(self, store: &'static str) -> StoreError {
        StoreError::caused(StoreErrorKind::Corrupt, store, self)
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn instant(value: Instant) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(crate) fn number(value: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// The attribute of a value as its map of attributes.
pub(crate) fn document(
    name: &'static str,
    value: &impl Serialize,
) -> Result<AttributeValue, BadItem> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(value)
        .map_err(|_| BadItem::Malformed(name))
}

/// A key of two texts.
pub(crate) fn key(pk: String, sk: impl Into<String>) -> Item {
    Item::from([(names::PK.into(), text(pk)), (names::SK.into(), text(sk))])
}

/// A user's id as a part of a key: without `#`, and of no two users the same.
pub(crate) fn user_part(user: &str) -> String {
    user.replace('%', "%25").replace('#', "%23")
}

/// Whether a value is of types that this SDK knows, all through: serde_dynamo panics at any other (found by fuzzing).
pub(crate) fn is_known(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::L(items) => items.iter().all(is_known),
        AttributeValue::M(entries) => entries.values().all(is_known),
        other => !other.is_unknown(),
    }
}

/// The shape of sources, grants, presets and audit rows that this release writes.
const SHAPE: u32 = 1;

/// Says that an item has the shape of this release.
pub(crate) fn shape(item: &mut Item) {
    item.insert(names::V.into(), number(SHAPE));
}

/// Takes an item apart.
pub(crate) struct Parts(pub(crate) Item);

impl Parts {
    /// An item that says its shape by [`shape`], or that the first release has written, without one.
    pub(crate) fn shaped(item: Item) -> Result<Self, BadItem> {
        let mut parts = Self(item);
        match parts.read_if_any(names::V)? {
            None | Some(SHAPE) => Ok(parts),
            Some(later) => Err(BadItem::Shape(later)),
        }
    }

    pub(crate) fn take(&mut self, name: &'static str) -> Result<AttributeValue, BadItem> {
        self.0.remove(name).ok_or(BadItem::Missing(name))
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, BadItem> {
        match self.take(name)? {
            AttributeValue::S(text) => Ok(text),
            _ => Err(BadItem::Malformed(name)),
        }
    }

    /// A text, or a number's text, read as what it stands for.
    pub(crate) fn read<T: FromStr>(&mut self, name: &'static str) -> Result<T, BadItem> {
        let (AttributeValue::S(text) | AttributeValue::N(text)) = self.take(name)? else {
            return Err(BadItem::Malformed(name));
        };
        text.parse().map_err(|_| BadItem::Malformed(name))
    }

    pub(crate) fn read_if_any<T: FromStr>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, BadItem> {
        if self.0.contains_key(name) {
            self.read(name).map(Some)
        } else {
            Ok(None)
        }
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, BadItem> {
        match self.take(name)? {
            AttributeValue::Bool(flag) => Ok(flag),
            _ => Err(BadItem::Malformed(name)),
        }
    }

    pub(crate) fn document<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
    ) -> Result<T, BadItem> {
        let value = self.take(name)?;
        if !is_known(&value) {
            return Err(BadItem::Malformed(name));
        }
        serde_dynamo::aws_sdk_dynamodb_1::from_attribute_value(value)
            .map_err(|_| BadItem::Malformed(name))
    }

    pub(crate) fn document_if_any<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, BadItem> {
        if self.0.contains_key(name) {
            self.document(name).map(Some)
        } else {
            Ok(None)
        }
    }
}
