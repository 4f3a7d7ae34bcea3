//! The leads of a user's day: a sum, and beside it a row for each delivery, so that none is counted twice.

use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use lead_export_core::ports::{Charge, Charged, ExportStore as _, StoreError, StoreErrorKind};

use super::transact::{Reason, other, reasons, unbuilt};
use super::{DynamoExports, STORE, corrupt};
use crate::error::store_error;
use crate::item::volume::{delivery_item, delivery_key, expires_at, leads_of, volume_key};
use crate::item::{Item, names, number};

impl DynamoExports {
    /// The leads that a row of a day counts; 0 if it is not there.
    pub(super) async fn leads_at(&self, key: Item) -> Result<u64, StoreError> {
        let item = self.item(key).await?;
        let leads = item.map(leads_of).transpose().map_err(corrupt)?;
        Ok(leads.unwrap_or(0))
    }

    pub(super) async fn charge_once(
        &self,
        charge: &Charge,
        most: u64,
    ) -> Result<Charged, StoreError> {
        let Some(room) = most.checked_sub(charge.leads) else {
            // A condition on a sum that is not there holds, so more than a day has is decided here.
            return self.is_known(charge).await;
        };
        let row = Put::builder()
            .table_name(&self.table)
            .set_item(Some(delivery_item(charge)))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", names::PK)
            .build()
            .map_err(unbuilt)?;
        let sum = Update::builder()
            .table_name(&self.table)
            .set_key(Some(volume_key(&charge.key)))
            .update_expression("SET #expires_at = :expires_at ADD #leads :leads")
            .condition_expression("attribute_not_exists(#leads) OR #leads <= :room")
            .expression_attribute_names("#leads", names::LEADS)
            .expression_attribute_names("#expires_at", names::EXPIRES_AT)
            .expression_attribute_values(":leads", number(charge.leads))
            .expression_attribute_values(":room", number(room))
            .expression_attribute_values(":expires_at", expires_at(charge))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuilt)?;
        // No client token: the delivery's own row tells a second copy of the call, however late it comes.
        let sent = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(row).build())
            .transact_items(TransactWriteItem::builder().update(sum).build())
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Charged::Taken);
        };
        let Some(reasons) = reasons(&error) else {
            return Err(store_error(STORE, error));
        };
        if let Some(Reason::Failed(_)) = reasons.first() {
            return Ok(Charged::Taken);
        }
        if let Some(kind) = other(&reasons) {
            return Err(StoreError::caused(kind, STORE, error));
        }
        match reasons.get(1) {
            // DynamoDB does not say whether it looked at the other condition, so the row is looked up.
            Some(Reason::Failed(_)) => self.is_known(charge).await,
            _ => Err(StoreError::caused(StoreErrorKind::Conflict, STORE, error)),
        }
    }

    /// Whether the delivery was charged before; there is no room for it now.
    async fn is_known(&self, charge: &Charge) -> Result<Charged, StoreError> {
        let key = delivery_key(&charge.key, charge.id);
        Ok(match self.item(key).await? {
            Some(_) => Charged::Taken,
            None => Charged::Over(self.volume(&charge.key, None).await?),
        })
    }
}
