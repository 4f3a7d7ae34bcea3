//! Receipt handles: the name of one receipt of one message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::refusal::{Code, Refusal};

/// One receipt. Opaque to the receiver, to whom it is Base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The row of the queue, so that a handle fits no other queue, nor a later one of the same name.
    pub(super) queue: i64,
    /// The row of the message.
    pub(super) seq: i64,
    /// Different each time the message is received.
    pub(super) nonce: Uuid,
}

impl Receipt {
    pub(super) fn handle(self) -> String {
        STANDARD.encode(format!("{} {} {}", self.queue, self.seq, self.nonce))
    }

    /// Reads a handle of the queue in row `queue`.
    pub(super) fn parse(handle: &str, queue: i64) -> Result<Self, Refusal> {
        if handle.is_empty() {
            return Err(Refusal::missing("ReceiptHandle"));
        }
        Self::read(handle)
            .filter(|receipt| receipt.queue == queue)
            .ok_or_else(|| {
                Refusal::new(
                    Code::ReceiptHandleIsInvalid,
                    format!("The input receipt handle \"{handle}\" is not a valid receipt handle of this queue."),
                )
            })
    }

    fn read(handle: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(handle).ok()?).ok()?;
        let mut words = text.split(' ');
        let receipt = Self {
            queue: words.next()?.parse().ok()?,
            seq: words.next()?.parse().ok()?,
            nonce: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handle_is_read_back_and_garbage_is_refused() {
        let receipt = Receipt {
            queue: 3,
            seq: 7,
            nonce: Uuid::from_u128(9),
        };
        assert_eq!(Receipt::parse(&receipt.handle(), 3), Ok(receipt));
        let code = |handle: &str, queue| Receipt::parse(handle, queue).unwrap_err().code;
        assert_eq!(code(&receipt.handle(), 4), Code::ReceiptHandleIsInvalid);
        assert_eq!(code("", 3), Code::MissingParameter);
        for garbage in [
            "garbage",
            "AAAA",
            &STANDARD.encode("3 7"),
            &STANDARD.encode("3 x y"),
            &STANDARD.encode(format!("3 7 {} 1", receipt.nonce)),
        ] {
            assert_eq!(code(garbage, 3), Code::ReceiptHandleIsInvalid, "{garbage}");
        }
    }
}
