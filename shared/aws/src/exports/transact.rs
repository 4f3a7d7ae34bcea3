//! R2 and P8c: the record together with the rows beside it, all or nothing.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use lead_export_core::piece::Hashes;
use lead_export_core::ports::{
    Created, ExportStore, Remembered, RequestKey, StoreError, StoreErrorKind, Written,
};
use lead_export_core::record::Export;

use super::{DynamoExports, IF_SEEN, STORE, corrupt, seen_version};
use crate::error::{kind_of_code, store_error};
use crate::item::export::{
    active_key, active_of, export_item, export_of, id_set, remembered_of, request_item,
};
use crate::item::{Item, instant, names, number};

/// What one item of a cancelled transaction had to do with it.
pub(super) enum Reason {
    /// Nothing.
    Fine,
    /// Its condition did not hold; the item as it was, if there was one.
    Failed(Option<Item>),
    /// Another transaction, a throttle …
    Other(StoreErrorKind),
}

pub(super) fn reasons(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
) -> Option<Vec<Reason>> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return None;
    };
    let of = |reason: &aws_sdk_dynamodb::types::CancellationReason| match reason.code() {
        None | Some("None") => Reason::Fine,
        Some("ConditionalCheckFailed") => Reason::Failed(reason.item().cloned()),
        // The API reference lists this code for cancelled transactions alone.
        Some("ThrottlingError") => Reason::Other(StoreErrorKind::Throttled),
        Some(code) => Reason::Other(kind_of_code(code).unwrap_or(StoreErrorKind::Denied)),
    };
    let reasons: Vec<Reason> = cancelled.cancellation_reasons().iter().map(of).collect();
    (!reasons.is_empty()).then_some(reasons)
}

/// The kind of what stood in the way besides conditions; a conflict comes first, since it passes.
pub(super) fn other(reasons: &[Reason]) -> Option<StoreErrorKind> {
    let kinds = || {
        reasons.iter().filter_map(|reason| match reason {
            Reason::Other(kind) => Some(*kind),
            _ => None,
        })
    };
    kinds()
        .find(|kind| *kind == StoreErrorKind::Conflict)
        .or_else(|| kinds().next())
}

fn conflict() -> StoreError {
    StoreError::new(StoreErrorKind::Conflict, STORE)
}

pub(super) fn unbuilt(error: BuildError) -> StoreError {
    StoreError::caused(StoreErrorKind::Denied, STORE, error)
}

impl DynamoExports {
    fn remember(
        &self,
        key: &RequestKey,
        row: &Remembered,
        export: &Export,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(request_item(key, row)))
            .condition_expression("attribute_not_exists(#pk) OR #until <= :now")
            .expression_attribute_names("#pk", names::PK)
            .expression_attribute_names("#until", names::UNTIL)
            .expression_attribute_values(":now", instant(export.head.requested_at))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn record(&self, export: &Export) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(export_item(export).map_err(corrupt)?))
            // A copy of the call that comes after the token is forgotten must not set the record back.
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", names::PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn take_place(
        &self,
        export: &Export,
        max_active: usize,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(active_key(&export.org)))
            .update_expression("ADD #active :id")
            .condition_expression("attribute_not_exists(#active) OR size(#active) < :most")
            .expression_attribute_names("#active", names::ACTIVE)
            .expression_attribute_values(":id", id_set(export.id()))
            .expression_attribute_values(
                ":most",
                number(u64::try_from(max_active).unwrap_or(u64::MAX)),
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn give_place_back(&self, export: &Export) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(active_key(&export.org)))
            .update_expression("DELETE #active :id")
            .expression_attribute_names("#active", names::ACTIVE)
            .expression_attribute_values(":id", id_set(export.id()))
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// R2. What was remembered comes before what is full: a replay answers whatever the quota.
    pub(super) async fn create_once(
        &self,
        export: &Export,
        request: Option<(&RequestKey, &Remembered)>,
        max_active: usize,
    ) -> Result<Created, StoreError> {
        // A condition on an attribute that is not there holds, so a quota of none is decided here.
        if max_active == 0 {
            return self.full(None, request, export).await;
        }
        let mut items = vec![self.record(export)?, self.take_place(export, max_active)?];
        if let Some((key, row)) = request {
            items.push(self.remember(key, row, export)?);
        }
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(export.id().to_string())
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Created::New);
        };
        let Some(mut reasons) = reasons(&error) else {
            return Err(match error.as_service_error() {
                // D-8: the token, an export's id, was used for another call: that export is not this one.
                Some(error) if error.is_idempotent_parameter_mismatch_exception() => conflict(),
                _ => store_error(STORE, error),
            });
        };
        if let (Some((key, _)), Some(Reason::Failed(item))) = (request, reasons.get_mut(2)) {
            let item = item.take();
            return self.known(key, item, export).await?.ok_or_else(conflict);
        }
        if let Some(Reason::Failed(item)) = reasons.first_mut() {
            let item = item.take();
            return self.made_before(export, item).await;
        }
        if let Some(kind) = other(&reasons) {
            return Err(StoreError::caused(kind, STORE, error));
        }
        match reasons.get_mut(1) {
            Some(Reason::Failed(item)) => {
                let item = item.take();
                self.full(item, request, export).await
            }
            _ => Err(StoreError::caused(StoreErrorKind::Conflict, STORE, error)),
        }
    }

    /// What is remembered under the key; none if it has expired meanwhile.
    async fn known(
        &self,
        key: &RequestKey,
        seen: Option<Item>,
        export: &Export,
    ) -> Result<Option<Created>, StoreError> {
        let row = match seen {
            Some(item) => Some(remembered_of(item).map_err(corrupt)?),
            None => self.remembered(key, export.head.requested_at).await?,
        };
        Ok(row.map(Created::Remembered))
    }

    /// A record of this id is there. Ids are drawn at random, so it is this call's own, made by an earlier copy.
    async fn made_before(
        &self,
        export: &Export,
        seen: Option<Item>,
    ) -> Result<Created, StoreError> {
        let made = match seen {
            Some(item) => Some(export_of(item).map_err(corrupt)?),
            None => self.get(&export.org, export.id()).await?,
        };
        let is_same = made.is_some_and(|made| {
            made.plan == export.plan
                && made.head.requested_by == export.head.requested_by
                && made.head.requested_at == export.head.requested_at
        });
        if is_same {
            Ok(Created::New)
        } else {
            Err(conflict())
        }
    }

    /// All places are taken. DynamoDB does not say whether it looked at the other conditions, so the key is looked up.
    async fn full(
        &self,
        seen: Option<Item>,
        request: Option<(&RequestKey, &Remembered)>,
        export: &Export,
    ) -> Result<Created, StoreError> {
        if let Some((key, _)) = request
            && let Some(known) = self.known(key, None, export).await?
        {
            return Ok(known);
        }
        let item = match seen {
            Some(item) => Some(item),
            None => self.item(active_key(&export.org)).await?,
        };
        let active = item.map(active_of).transpose().map_err(corrupt)?;
        Ok(Created::Full(active.unwrap_or_default()))
    }

    /// P8c: FINISH, FAIL or CANCEL.
    pub(super) async fn end_once(&self, export: &Export) -> Result<Written, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(export_item(export).map_err(corrupt)?))
            .condition_expression(IF_SEEN)
            .expression_attribute_names("#version", names::VERSION)
            .expression_attribute_values(":seen", seen_version(export))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuilt)?;
        let put = TransactWriteItem::builder().put(put).build();
        let sent = self
            .client
            .transact_write_items()
            .transact_items(put)
            .transact_items(self.give_place_back(export)?)
            .client_request_token(end_token(export))
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Written::Done);
        };
        let Some(mut reasons) = reasons(&error) else {
            return match error.as_service_error() {
                // This writer has ended it from this very version before, at another instant.
                Some(error) if error.is_idempotent_parameter_mismatch_exception() => {
                    self.lost(export, None).await
                }
                _ => Err(store_error(STORE, error)),
            };
        };
        if let Some(Reason::Failed(seen)) = reasons.first_mut() {
            let seen = seen.take();
            return self.lost(export, seen).await;
        }
        let kind = other(&reasons).unwrap_or(StoreErrorKind::Conflict);
        Err(StoreError::caused(kind, STORE, error))
    }
}

/// The token of an end: of one writer at one version, in the 36 characters that DynamoDB takes at most.
fn end_token(export: &Export) -> String {
    let mut hashes = Hashes::default();
    hashes.take(format!("{}#{}", export.by, export.version).as_bytes());
    let mut token = hashes.sha256();
    token.truncate(36);
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_told_before_throttles() {
        use StoreErrorKind::{Conflict, Throttled};
        let fine = || Reason::Fine;
        let throttled = || Reason::Other(Throttled);
        assert_eq!(other(&[fine(), Reason::Failed(None)]), None);
        assert_eq!(other(&[fine(), throttled()]), Some(Throttled));
        let both = [throttled(), Reason::Other(Conflict)];
        assert_eq!(other(&both), Some(Conflict));
    }
}
