//! The trace of a call, carried with its hints through the queue: one id finds the request, its runs and their logs.

use std::collections::HashMap;

use tracing::Instrument as _;

/// The header of a call and the system attribute of a message that hold a trace.
pub const CALL_HEADER: &str = "x-amzn-trace-id";
/// SQS: "the only supported message system attribute is AWSTraceHeader"; it does not count towards a message's size.
pub const MESSAGE_ATTRIBUTE: &str = "AWSTraceHeader";

/// The id that API Gateway gives: `1-`, 8 hexadecimal digits, `-`, 24 of them.
const ID_CHARS: usize = 35;

tokio::task_local! {
    static TRACE: TraceId;
}

/// The id of a trace (X-Ray developer guide, "Tracing header"): of `Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1` the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceId(String);

impl TraceId {
    /// Reads a tracing header. A caller may send one of its own, so whatever is not exactly an id is none.
    pub fn parse(header: &str) -> Option<Self> {
        let root = header
            .split(';')
            .find_map(|part| part.trim().strip_prefix("Root="))?;
        let mut parts = root.split('-');
        let (version, time, random) = (parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let valid = root.len() == ID_CHARS
            && version == "1"
            && (time.len(), random.len()) == (8, 24)
            && is_hex(time)
            && is_hex(random)
            && parts.next().is_none();
        valid.then(|| Self(root.to_owned()))
    }

    /// The trace that a hint was sent in, of the system attributes of its message.
    pub fn of_message(attributes: &HashMap<String, String>) -> Option<Self> {
        Self::parse(attributes.get(MESSAGE_ATTRIBUTE)?)
    }

    /// The header that says it.
    pub fn header(&self) -> String {
        format!("Root={}", self.0)
    }
}

/// Does work as a part of a trace, if there is one: its log lines carry the id, and hints that it sends hand it on.
pub async fn traced<T>(trace: Option<TraceId>, work: impl Future<Output = T>) -> T {
    match trace {
        None => work.await,
        Some(trace) => {
            let span = tracing::info_span!("trace", trace.id = trace.0);
            TRACE.scope(trace, work).instrument(span).await
        }
    }
}

/// The trace that this work is a part of.
pub fn current() -> Option<TraceId> {
    TRACE.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1-5759e988-bd862e3fe1be46a994272793";

    #[test]
    fn a_header_is_its_root_and_what_is_no_id_is_none() {
        for header in [
            format!("Root={ID}"),
            format!("Root={ID};Parent=53995c3f42cd8ad8;Sampled=1"),
            format!("Self=1-67891234-12456789abcdef012345678; Root={ID}"),
        ] {
            assert_eq!(
                TraceId::parse(&header),
                Some(TraceId(ID.to_owned())),
                "{header}"
            );
        }
        for header in [
            "",
            "Root=",
            ID,
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=1-5759e988-bd862e3fe1be46a99427279x",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a9942727\n3",
            "Root=1-5759e988b-d862e3fe1be46a994272793",
        ] {
            assert_eq!(TraceId::parse(header), None, "{header}");
        }
        let trace = TraceId::parse(&format!("Root={ID};Sampled=0")).unwrap();
        assert_eq!(TraceId::parse(&trace.header()), Some(trace));
    }

    #[tokio::test]
    async fn work_knows_its_trace_and_no_other_work_does() {
        let trace = TraceId::parse(&format!("Root={ID}"));
        assert_eq!(traced(trace.clone(), async { current() }).await, trace);
        assert_eq!(traced(None, async { current() }).await, None);
        assert_eq!(current(), None);
    }
}
