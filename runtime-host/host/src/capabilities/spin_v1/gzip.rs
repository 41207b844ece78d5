//! Bodies in gzip: stock Spin asks for them and decodes them, so that a guest sees what it would
//! see without compression.

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderValue};
use std::io::{self, Read as _};
use tokio::task::spawn_blocking;

const GZIP: &str = "gzip";

/// Asks for gzip, unless the guest has decided about it. A part of a compressed body could not be
/// decoded.
pub(super) fn ask(fields: &mut HeaderMap) {
    if !fields.contains_key(RANGE) {
        fields.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static(GZIP));
    }
}

/// The body as it was before its compression. The fields then no longer say how it was sent.
///
/// Errors: it is not in gzip, or has more than `max_bytes`.
pub(super) async fn decoded(
    fields: &mut HeaderMap,
    body: Bytes,
    max_bytes: usize,
) -> io::Result<Bytes> {
    if fields.get(CONTENT_ENCODING).is_none_or(|encoding| encoding != GZIP) {
        return Ok(body);
    }
    fields.remove(CONTENT_ENCODING);
    fields.remove(CONTENT_LENGTH);
    // The response to a HEAD request describes a body that it does not have.
    if body.is_empty() {
        return Ok(body);
    }
    spawn_blocking(move || decompress(&body, max_bytes)).await?
}

fn decompress(body: &[u8], max_bytes: usize) -> io::Result<Bytes> {
    let mut decoded = Vec::new();
    let one_more = max_bytes as u64 + 1;
    MultiGzDecoder::new(body).take(one_more).read_to_end(&mut decoded)?;
    if decoded.len() > max_bytes {
        return Err(io::Error::other(format!("it has more than {max_bytes} bytes")));
    }
    Ok(decoded.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn compressed(body: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap().into()
    }

    fn fields(encoding: &'static str) -> HeaderMap {
        let value = HeaderValue::from_static;
        HeaderMap::from_iter([(CONTENT_ENCODING, value(encoding)), (CONTENT_LENGTH, value("9"))])
    }

    #[tokio::test]
    async fn a_compressed_body_is_decoded_and_its_fields_are_removed() {
        let members = [compressed(b"hello "), compressed(b"world")].concat();
        let mut head = fields("gzip");
        let body = decoded(&mut head, members.into(), 11).await.unwrap();
        assert_eq!((&body[..], head), (&b"hello world"[..], HeaderMap::new()));
    }

    #[tokio::test]
    async fn other_encodings_stay_as_they_are() {
        let mut head = fields("br");
        let body = decoded(&mut head, Bytes::from_static(b"x"), 9).await.unwrap();
        assert_eq!((&body[..], head), (&b"x"[..], fields("br")));
    }

    #[tokio::test]
    async fn the_body_of_a_head_request_is_empty() {
        assert!(decoded(&mut fields("gzip"), Bytes::new(), 9).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_body_that_is_damaged_or_too_large_is_an_error() {
        let body = compressed(b"hello world");
        for (body, max_bytes) in [(body.slice(..12), 99), (body, 10), ("plain".into(), 99)] {
            assert!(decoded(&mut fields("gzip"), body, max_bytes).await.is_err(), "{max_bytes}");
        }
    }

    #[test]
    fn gzip_is_asked_for_unless_the_guest_has_decided() {
        let value = HeaderValue::from_static;
        for (set, asked) in [
            (HeaderMap::new(), Some("gzip")),
            (HeaderMap::from_iter([(ACCEPT_ENCODING, value("identity"))]), Some("identity")),
            (HeaderMap::from_iter([(RANGE, value("bytes=0-9"))]), None),
        ] {
            let mut fields = set;
            ask(&mut fields);
            assert_eq!(fields.get(ACCEPT_ENCODING).map(|value| value.to_str().unwrap()), asked);
        }
    }
}
