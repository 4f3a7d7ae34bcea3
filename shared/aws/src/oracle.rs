//! What tests compare with, or look into: the SDK's own reading of a page, and items of tables from the JSON that a store would send.
//! Not part of any function (feature `oracle`).

use aws_sdk_dynamodb::operation::get_item::{GetItem, GetItemOutput};
use aws_sdk_dynamodb::operation::query::{Query, QueryOutput};
use aws_smithy_runtime_api::client::interceptors::context::Output;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse as _, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use lead_export_core::lead::{LeadKey, OrgId, SourceId};
use lead_export_core::page::{PageBuilder, Slots};
use lead_export_core::ports::LeadPage;
use lead_export_core::record::{Export, ExportId};

use crate::item::{Item, audit, export, preset, source};
use crate::leads::{push_item, sort_key};

/// The answer 200 with this body, as the SDK's generated deserializer of an operation reads it.
fn read(operation: &dyn RuntimePlugin, body: &[u8]) -> Option<Output> {
    let config = operation.config()?;
    let generated = config.load::<SharedResponseDeserializer>()?;
    let response = HttpResponse::new(200.try_into().ok()?, SdkBody::from(body));
    let read = generated.deserialize_nonstreaming_with_config(&response, &ConfigBag::base());
    read.ok()
}

/// The page in the body of a Query's answer, by way of the SDK's types; none if the SDK, or the plain path, refuses it.
pub fn plain_page(body: &[u8], slots: &Slots) -> Option<LeadPage> {
    let answer = read(&Query::new(), body)?.downcast::<QueryOutput>().ok()?;
    let next = match &answer.last_evaluated_key {
        Some(key) => Some(LeadKey::from_stored(sort_key(key).ok()?)),
        None => None,
    };
    let scanned = u64::try_from(answer.scanned_count).ok()?;
    let mut builder = PageBuilder::new(Bytes::new(), slots);
    for item in answer.items? {
        push_item(&mut builder, slots, item).ok()?;
    }
    Some(LeadPage {
        page: builder.finish(),
        next,
        scanned,
        read_bytes: body.len() as u64,
    })
}

fn item(body: &[u8]) -> Option<Item> {
    let answer = read(&GetItem::new(), body)?;
    answer.downcast::<GetItemOutput>().ok()?.item
}

/// The record in the body of a GetItem's answer, if it is one.
pub fn record(body: &[u8]) -> Option<Export> {
    export::export_of(item(body)?).ok()
}

/// A record, written as an item and read again.
pub fn record_again(export: &Export) -> Option<Export> {
    export::export_of(export::export_item(export).ok()?).ok()
}

/// Reads an item as each kind that the tables hold; how many took it for theirs.
pub fn readers(body: &[u8]) -> usize {
    let Some(item) = item(body) else { return 0 };
    let (Ok(org), Ok(of)) = (OrgId::parse("acme"), SourceId::parse("home-insurance")) else {
        return 0;
    };
    let id = ExportId(uuid::Uuid::nil());
    let each = || item.clone();
    [
        export::export_of(each()).is_ok(),
        export::head_of(each()).is_ok(),
        export::due_of(each()).is_ok(),
        export::remembered_of(each()).is_ok(),
        export::active_of(each()).is_ok(),
        source::source_of(each()).is_ok(),
        source::grant_of(each()).is_ok(),
        preset::head_of(each()).is_ok(),
        preset::preset_of(&org, &of, each()).is_ok(),
        audit::download_of(&org, id, each()).is_ok(),
    ]
    .into_iter()
    .filter(|took| *took)
    .count()
}
