//! Reading a request's body within bounds.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use super::answer::Refusal;

/// Largest body of an HTTP API, 10 MB in AWS's sense
/// ([quotas](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html)).
pub(super) const BODY_BYTES: usize = 10 * 1024 * 1024;

/// How long a body may take to arrive.
pub(super) const ARRIVES_IN: Duration = Duration::from_secs(30);

/// How much of an unwanted body is read, and for how long, so that its sender gets to read the answer: closing a
/// connection with bytes unread resets it.
const DRAIN_BYTES: usize = 4 * BODY_BYTES;
pub(super) const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Reads the whole body.
///
/// # Errors
/// [`Refusal::RequestTooLong`] as soon as it is sure to be over 10 MB, [`Refusal::RequestTimeout`] if it has not arrived
/// `within` that time, [`Refusal::BadRequest`] if it breaks off.
pub(super) async fn read(body: &mut Body, within: Duration) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return Err(Refusal::RequestTooLong);
    }
    let all = async {
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::BadRequest)?;
            if let Some(data) = frame.data_ref() {
                if read.len() + data.len() > BODY_BYTES {
                    return Err(Refusal::RequestTooLong);
                }
                read.extend_from_slice(data);
            }
        }
        Ok(read.freeze())
    };
    tokio::time::timeout(within, all)
        .await
        .unwrap_or(Err(Refusal::RequestTimeout))
}

/// Reads what is left of a body nobody wants, within bounds.
pub(super) async fn drain(mut body: Body, within: Duration) {
    let rest = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DRAIN_BYTES {
                break;
            }
        }
    };
    // Too slow: the connection is closed instead.
    let _ = tokio::time::timeout(within, rest).await;
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn streamed(sizes: &[usize]) -> Body {
        let chunks: Vec<_> = sizes
            .iter()
            .map(|size| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; *size])))
            .collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn ten_megabytes_are_read_and_not_a_byte_more() {
        for size in [0, 1, BODY_BYTES - 1, BODY_BYTES] {
            let read_whole = read(&mut Body::from(vec![b'x'; size]), ARRIVES_IN)
                .await
                .unwrap();
            assert_eq!(read_whole.len(), size);
        }
        assert_eq!(
            read(&mut Body::from(vec![b'x'; BODY_BYTES + 1]), ARRIVES_IN).await,
            Err(Refusal::RequestTooLong)
        );
        assert_eq!(
            read(&mut streamed(&[BODY_BYTES - 1, 1]), ARRIVES_IN)
                .await
                .unwrap()
                .len(),
            BODY_BYTES
        );
        assert_eq!(
            read(&mut streamed(&[BODY_BYTES - 1, 2]), ARRIVES_IN).await,
            Err(Refusal::RequestTooLong)
        );
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_refused() {
        let chunks = [
            Ok(Bytes::from_static(b"half")),
            Err(std::io::Error::other("gone")),
        ];
        let mut body = Body::from_stream(stream::iter(chunks));
        assert_eq!(read(&mut body, ARRIVES_IN).await, Err(Refusal::BadRequest));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(
            read(&mut endless(), Duration::ZERO).await,
            Err(Refusal::RequestTimeout)
        );
        drain(endless(), Duration::ZERO).await;
    }

    #[tokio::test]
    async fn of_a_body_nobody_wants_only_so_much_is_read() {
        let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![0; 65536])));
        drain(Body::from_stream(endless), Duration::MAX).await;
    }
}
