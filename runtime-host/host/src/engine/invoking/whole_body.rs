//! Bodies of requests that a guest gets as a value, and not as a stream.

use crate::calls::{CallError, Kind};
use crate::message::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// The size of such a body, which the host has to hold.
const WHOLE_BODY_MAX_BYTES: usize = 128 << 20;

/// Reads a body to its end.
pub(super) async fn read(body: Body) -> Result<Bytes, CallError> {
    let whole = Limited::new(body, WHOLE_BODY_MAX_BYTES).collect().await;
    whole.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            let detail = format!("a guest without streams gets {WHOLE_BODY_MAX_BYTES} bytes");
            return CallError::new(Kind::BodyTooLarge, detail);
        }
        CallError::new(Kind::BodyIncomplete, format!("the request could not be read: {error:?}"))
    })
}
