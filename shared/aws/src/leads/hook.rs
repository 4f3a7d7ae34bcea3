//! Takes a Query's answer before the SDK makes a map of it.
//!
//! The deserializer of an operation lies in its configuration, where an interceptor may put another one (public API only). Ours
//! reads the answers that succeed and leaves the others to the generated one: so errors stay typed, throttling is seen, and the
//! SDK's retries, signing, endpoints and timeouts are what they were.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::operation::query::{Query, QueryOutput};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, Error, Input, Output,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use futures_util::FutureExt as _;
use lead_export_core::page::Slots;

use crate::page::{Decoded, decode};

/// Why the bytes of an answer cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damaged {
    /// They are not those the service made the checksum of.
    #[error("the answer's CRC-32 is {found}, its header says {said}")]
    Checksum {
        /// The CRC-32 of what came.
        found: u32,
        /// `x-amz-crc32`.
        said: u32,
    },
    /// The header is no number.
    #[error("the answer's x-amz-crc32 is no number")]
    Header,
    /// The SDK did not hand over the body as bytes.
    #[error("the answer's body was not read")]
    Unread,
}

/// Where the hook leaves what it has read.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(Arc<Mutex<Option<Decoded>>>);

impl Place {
    /// What the last attempt has read, if it succeeded.
    pub(super) fn take(&self) -> Option<Decoded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, decoded: Decoded) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(decoded);
    }
}

/// The interceptor for one Query.
#[derive(Debug)]
pub(super) struct Hook {
    slots: Slots,
    place: Place,
}

impl Hook {
    pub(super) fn new(slots: Slots) -> Self {
        Self {
            slots,
            place: Place::default(),
        }
    }

    pub(super) fn answer(&self) -> Place {
        self.place.clone()
    }
}

#[dyn_dispatch_hint]
impl Intercept for Hook {
    fn name(&self) -> &'static str {
        "RawQueryAnswer"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_, Input, Output, Error>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let generated = Query::new().config().ok_or("Query has no configuration")?;
        let reader = Reader {
            generated,
            slots: self.slots.clone(),
            place: self.place.clone(),
        };
        cfg.interceptor_state()
            .store_put(SharedResponseDeserializer::new(reader));
        Ok(())
    }
}

#[derive(Debug)]
struct Reader {
    generated: FrozenLayer,
    slots: Slots,
    place: Place,
}

impl DeserializeResponse for Reader {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        cfg: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        if !response.status().is_success() {
            return match self.generated.load::<SharedResponseDeserializer>() {
                Some(generated) => generated.deserialize_nonstreaming_with_config(response, cfg),
                None => Err(OrchestratorError::other("Query has no deserializer")),
            };
        }
        // An answer damaged on its way is worth another attempt, which this kind of error gets.
        let checked =
            checked(response).map_err(|error| OrchestratorError::response(error.into()))?;
        let body = body(response).map_err(|error| OrchestratorError::response(error.into()))?;
        let decoded = decode(&body, &self.slots).map_err(|error| {
            if checked {
                // It came as it was sent, and would come so again.
                OrchestratorError::other(error)
            } else {
                OrchestratorError::response(error.into())
            }
        })?;
        self.place.put(decoded);
        Ok(Output::erase(QueryOutput::builder().build()))
    }
}

/// Whether the answer bears a checksum, and it is right.
fn checked(response: &HttpResponse) -> Result<bool, Damaged> {
    let Some(said) = response.headers().get("x-amz-crc32") else {
        return Ok(false);
    };
    let said: u32 = said.trim().parse().map_err(|_| Damaged::Header)?;
    let bytes = response.body().bytes().ok_or(Damaged::Unread)?;
    let found = crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, bytes);
    if u64::from(said) == found {
        Ok(true)
    } else {
        Err(Damaged::Checksum {
            found: u32::try_from(found).unwrap_or_default(),
            said,
        })
    }
}

/// The body's bytes: a reference to them, no copy.
fn body(response: &HttpResponse) -> Result<Bytes, Damaged> {
    let shared = response.body().try_clone().ok_or(Damaged::Unread)?;
    // The SDK has read the body to its end: this is ready at once.
    match ByteStream::new(shared).collect().now_or_never() {
        Some(Ok(collected)) => Ok(collected.into_bytes()),
        _ => Err(Damaged::Unread),
    }
}
