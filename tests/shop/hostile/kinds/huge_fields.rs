//! Header fields over the limit, by HTTP/1.1 and HTTP/2.

use crate::hostile::{Seen, Visitor};
use harness::frames::HEADERS;
use harness::hostile::fields;
use harness::status_of;

/// Of one field: a little over the limit, and far over it.
const SIZES: [usize; 2] = [70_000, 100_000];
/// Of many fields in total.
const MANY_BYTES: usize = 1_000_000;

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let stranger = &visitor.stranger;
    let mut seen = Seen::default();
    for bytes in SIZES {
        let answer = fields::one_by_http1(stranger, bytes).await;
        seen.note(answer.ok().and_then(|answer| status_of(&answer)));
        // The request after the refused one is answered, too.
        let answers = fields::one_by_http2(stranger, bytes).await.unwrap_or_default();
        if answers.iter().filter_map(|frames| frames.first()).any(|(kind, _)| *kind != HEADERS) {
            seen.fault(format!("a field of {bytes} bytes by HTTP/2: {answers:?}"));
        }
    }
    let answer = fields::many_by_http1(stranger, MANY_BYTES).await;
    seen.note(answer.ok().and_then(|answer| status_of(&answer)));
    seen
}
