//! What is written to a repository: blobs, and manifests that name them.
//!
//! A blob that the registry has is not sent again. A small one is sent in one request, and a large
//! one in several, because servers in front of registries limit the size of a request.

use super::manifest::MEDIA_TYPE;
use super::session::Asked;
use super::{Error, Repository, digest_of};
use crate::capabilities::outbound_http::Answer;
use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use http::{HeaderName, Method};
use url::Url;

/// Maximum size of what one request sends.
const CHUNK_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Maximum size of the body of an answer.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// The digest of what a registry has stored.
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// The smallest chunk that a registry takes.
const CHUNK_MIN: HeaderName = HeaderName::from_static("oci-chunk-min-length");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

impl Repository<'_> {
    /// Whether the registry has a blob.
    pub(crate) async fn has_blob(&self, digest: &str) -> Result<bool, Error> {
        let url = self.url(&format!("blobs/{digest}"))?;
        match self.ask(Method::HEAD, &url, HeaderMap::new(), Bytes::new()).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends a blob, whose digest the caller has checked.
    pub(crate) async fn upload(&self, digest: &str, blob: Bytes) -> Result<(), Error> {
        let url = self.url("blobs/uploads/")?;
        let begun = self.ask(Method::POST, &url, HeaderMap::new(), Bytes::new()).await?;
        let mut url = next(&url, &begun)?;
        let chunk_bytes = CHUNK_MAX_BYTES.max(chunk_min(begun.headers()));
        let mut last = blob;
        if last.len() > chunk_bytes {
            let (mut rest, mut sent) = (last, 0);
            while !rest.is_empty() {
                let chunk = rest.split_to(chunk_bytes.min(rest.len()));
                let end = sent + chunk.len();
                let range = HeaderValue::from_str(&format!("{sent}-{}", end - 1));
                let fields = [(CONTENT_TYPE, BYTES)].into_iter();
                let fields = fields.chain(range.ok().map(|range| (CONTENT_RANGE, range)));
                let answer = self.ask(Method::PATCH, &url, fields.collect(), chunk).await?;
                (url, sent) = (next(&url, &answer)?, end);
            }
            last = Bytes::new();
        }
        url.query_pairs_mut().append_pair("digest", digest);
        let fields = [(CONTENT_TYPE, BYTES)].into_iter().collect();
        let stored = self.ask(Method::PUT, &url, fields, last).await?;
        check_digest(stored.headers(), digest)
    }

    /// Writes a manifest under a tag. Returns its digest.
    pub(crate) async fn put_manifest(&self, tag: &str, manifest: Bytes) -> Result<String, Error> {
        let digest = digest_of(&manifest);
        let url = self.url(&format!("manifests/{tag}"))?;
        let fields = [(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))].into_iter().collect();
        let stored = self.ask(Method::PUT, &url, fields, manifest).await?;
        check_digest(stored.headers(), &digest)?;
        Ok(digest)
    }

    async fn ask(
        &self,
        method: Method,
        url: &Url,
        fields: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Error> {
        let bytes_max = ANSWER_MAX_BYTES;
        self.session.send(Asked { method, url, fields, body, bytes_max }).await
    }
}

/// Where an upload continues.
fn next(url: &Url, answer: &Answer) -> Result<Url, Error> {
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| url.join(location).ok());
    let next = next.filter(|next| ["http", "https"].contains(&next.scheme()));
    let next = next.ok_or_else(|| Error::invalid("the registry does not say where to upload"))?;
    if url.scheme() == "https" && next.scheme() != "https" {
        return Err(Error::invalid("the registry wants an upload without encryption"));
    }
    Ok(next)
}

fn chunk_min(headers: &HeaderMap) -> usize {
    let min = headers.get(CHUNK_MIN).and_then(|min| min.to_str().ok());
    min.and_then(|min| min.parse().ok()).unwrap_or_default()
}

/// The registry has stored what was sent, if it says what it has stored.
fn check_digest(headers: &HeaderMap, digest: &str) -> Result<(), Error> {
    match headers.get(DIGEST) {
        Some(found) if found != digest => {
            let found = String::from_utf8_lossy(found.as_bytes()).escape_debug().to_string();
            let message = format!("the registry has stored {found} instead of {digest}");
            Err(Error::invalid(message))
        }
        _ => Ok(()),
    }
}
