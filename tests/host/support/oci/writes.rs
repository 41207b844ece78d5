//! What clients write: blobs and manifests.

use super::{State, digest_of, refused};
use bytes::Bytes;
use http::header::LOCATION;
use http::{Method, Request, Response};
use serde_json::Value;

impl State {
    /// The parts of an upload, as in the specification: `POST`, then any number of `PATCH`, then
    /// `PUT`.
    pub(super) fn upload(
        &mut self,
        repository: &str,
        upload: &str,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        if request.method() == Method::POST {
            self.uploads.push(Vec::new());
            return accepted(repository, self.uploads.len() - 1);
        }
        let number: usize = upload.parse().expect("the number of an upload");
        let (content, body) = (&mut self.uploads[number], request.body());
        if request.method() == Method::PATCH {
            let range = format!("{}-{}", content.len(), content.len() + body.len() - 1);
            if request.headers()["content-range"] != range.as_str() {
                return refused(416, "the chunk is at the wrong place");
            }
            content.extend(body);
            return accepted(repository, number);
        }
        content.extend(body);
        let digest = digest_of(content);
        let query = format!("state={number}&digest={}", digest.replace(':', "%3A"));
        if request.uri().query() != Some(query.as_str()) {
            return refused(400, "the digest is wrong");
        }
        let content = std::mem::take(content).into();
        self.blobs.insert(digest.clone(), content);
        self.created(&digest)
    }

    /// Stores a manifest whose parts are there.
    pub(super) fn put_manifest(
        &mut self,
        repository: &str,
        tag: &str,
        bytes: &Bytes,
    ) -> Response<Bytes> {
        let manifest: Value = serde_json::from_slice(bytes).expect("a manifest");
        let layers = manifest["layers"].as_array().expect("layers");
        for part in layers.iter().chain([&manifest["config"]]) {
            let blob = self.blobs.get(part["digest"].as_str().expect("a digest"));
            if blob.is_none_or(|blob| part["size"] != blob.len()) {
                return refused(400, "a part is unknown");
            }
        }
        let digest = digest_of(bytes);
        for tag in [tag, &digest] {
            self.manifests.insert((repository.to_owned(), tag.to_owned()), bytes.clone());
        }
        self.created(&digest)
    }

    fn created(&self, digest: &str) -> Response<Bytes> {
        let other = digest_of(b"other");
        let digest = if self.confuses { &other } else { digest };
        let created = Response::builder().status(201).header("docker-content-digest", digest);
        created.body(Bytes::new()).expect("a response")
    }
}

fn accepted(repository: &str, upload: usize) -> Response<Bytes> {
    let location = format!("/v2/{repository}/blobs/uploads/{upload}?state={upload}");
    let accepted = Response::builder().status(202).header(LOCATION, location);
    accepted.body(Bytes::new()).expect("a response")
}
