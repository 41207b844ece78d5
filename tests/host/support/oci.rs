//! A registry of OCI artifacts on the loopback interface, with packages as `wkg` publishes them.

mod writes;

use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Tags on one page.
const PAGE_TAGS: usize = 2;
/// The token that the registry gives for the right credentials.
const TOKEN: &str = "a-token";
/// The media type of manifests.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of the configuration of a package.
pub(crate) const PACKAGE: &str = "application/vnd.wasm.config.v0+json";

/// The media type of the configuration of an application.
const APPLICATION: &str = "application/vnd.fermyon.spin.application.v1+config";

/// Who may read.
#[derive(Debug, Clone, Default)]
pub(crate) enum Access {
    #[default]
    Open,
    /// With `user:password` in Base64.
    Basic(&'static str),
    /// With a token, which is given for `user:password` in Base64.
    Token(&'static str),
}

/// The registry. It ends when it is dropped.
pub(crate) struct OciRegistry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    access: Access,
    well_known: Option<Value>,
    /// Manifests by repository and tag.
    manifests: BTreeMap<(String, String), Bytes>,
    blobs: BTreeMap<String, Bytes>,
    /// Uploads that are not complete, by number.
    uploads: Vec<Vec<u8>>,
    /// Another server that has the blobs.
    elsewhere: Option<String>,
    /// Says that it has stored another blob.
    confuses: bool,
    requests: Vec<String>,
    writes: Vec<String>,
}

/// The digest of these bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl OciRegistry {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = shared.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let state = state.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.expect("a whole body").to_bytes();
                        let request = Request::from_parts(head, body);
                        let answer = state.lock().expect("the state").answer(&request);
                        Ok::<_, Infallible>(answer.map(Full::new))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service),
                );
            }
        });
        Self { address, state, server }
    }

    /// Its name in manifests.
    pub(crate) fn name(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Publishes code as a package.
    pub(crate) fn publish(&self, repository: &str, tag: &str, code: impl Into<Bytes>) -> String {
        self.publish_as(PACKAGE, repository, tag, code)
    }

    /// Publishes code with another type of configuration. Returns its digest.
    pub(crate) fn publish_as(
        &self,
        kind: &str,
        repository: &str,
        tag: &str,
        code: impl Into<Bytes>,
    ) -> String {
        let code = code.into();
        let digest = digest_of(&code);
        let config = json!({
            "created": "2026-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [digest],
            "component": { "exports": [], "imports": [], "target": null },
        });
        let config = Bytes::from(config.to_string());
        let mut state = self.state.lock().expect("the state");
        let config = state.add("application/vnd.wasm.config.v0+json", config);
        let layer = state.add("application/wasm", code);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": kind, "digest": config["digest"], "size": config["size"] },
            "layers": [layer],
            "annotations": { "org.opencontainers.image.version": tag },
        });
        let key = (repository.to_owned(), tag.to_owned());
        state.manifests.insert(key, manifest.to_string().into());
        digest
    }

    /// Publishes an application as `spin registry push` does: its configuration is a layer.
    pub(crate) fn push(
        &self,
        repository: &str,
        tag: &str,
        locked: &Value,
        layers: &[(&str, Bytes)],
    ) {
        let mut state = self.state.lock().expect("the state");
        let mut all: Vec<Value> =
            layers.iter().map(|(kind, bytes)| state.add(kind, bytes.clone())).collect();
        all.push(state.add(APPLICATION, locked.to_string().into()));
        let config = json!({ "architecture": "wasm", "os": "Wasip1" }).to_string();
        let config = state.add("application/vnd.oci.image.config.v1+json", config.into());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": all,
        });
        let key = (repository.to_owned(), tag.to_owned());
        state.manifests.insert(key, manifest.to_string().into());
    }

    /// Sends other bytes for a digest.
    pub(crate) fn damage(&self, digest: &str) {
        let mut state = self.state.lock().expect("the state");
        state.blobs.insert(digest.to_owned(), "damaged".into());
    }

    pub(crate) fn restrict(&self, access: Access) {
        self.state.lock().expect("the state").access = access;
    }

    /// What it says about itself.
    pub(crate) fn describe(&self, well_known: Value) {
        self.state.lock().expect("the state").well_known = Some(well_known);
    }

    /// Redirects requests for blobs to another server.
    pub(crate) fn keep_blobs_at(&self, url: &str) {
        self.state.lock().expect("the state").elsewhere = Some(url.to_owned());
    }

    /// The text of a manifest.
    pub(crate) fn manifest(&self, repository: &str, tag: &str) -> Value {
        let state = self.state.lock().expect("the state");
        let manifest = &state.manifests[&(repository.to_owned(), tag.to_owned())];
        serde_json::from_slice(manifest).expect("a manifest")
    }

    /// The digest of a manifest.
    pub(crate) fn digest(&self, repository: &str, tag: &str) -> String {
        let state = self.state.lock().expect("the state");
        digest_of(&state.manifests[&(repository.to_owned(), tag.to_owned())])
    }

    /// Lets another tag, or a digest, lead to the same manifest.
    pub(crate) fn copy(&self, repository: &str, tag: &str, other: &str) {
        let mut state = self.state.lock().expect("the state");
        let manifest = state.manifests[&(repository.to_owned(), tag.to_owned())].clone();
        state.manifests.insert((repository.to_owned(), other.to_owned()), manifest);
    }

    /// A blob.
    pub(crate) fn blob(&self, digest: &str) -> Bytes {
        self.state.lock().expect("the state").blobs[digest].clone()
    }

    /// Adds a blob. Returns its descriptor.
    pub(crate) fn add_blob(&self, kind: &str, bytes: impl Into<Bytes>) -> Value {
        self.state.lock().expect("the state").add(kind, bytes.into())
    }

    /// Publishes a manifest. Returns its digest.
    pub(crate) fn publish_manifest(&self, repository: &str, tag: &str, manifest: &Value) -> String {
        let bytes = Bytes::from(manifest.to_string());
        let digest = digest_of(&bytes);
        let mut state = self.state.lock().expect("the state");
        for tag in [tag, &digest] {
            state.manifests.insert((repository.to_owned(), tag.to_owned()), bytes.clone());
        }
        digest
    }

    /// From now on, it says that it has stored other content than what was sent.
    pub(crate) fn confuse(&self) {
        self.state.lock().expect("the state").confuses = true;
    }

    /// The requests that write, with their methods, since the last time.
    pub(crate) fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("the state").writes)
    }

    /// The paths of the requests since the last time.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("the state").requests)
    }
}

impl Drop for OciRegistry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    /// Adds a blob. Returns its descriptor.
    fn add(&mut self, kind: &str, bytes: Bytes) -> Value {
        let digest = digest_of(&bytes);
        let descriptor = json!({ "mediaType": kind, "digest": digest, "size": bytes.len() });
        self.blobs.insert(digest, bytes);
        descriptor
    }

    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path().to_owned();
        self.requests.push(path.clone());
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            self.writes.push(format!("{} {path}", request.method()));
        }
        let authorization = request.headers().get(AUTHORIZATION);
        if path == "/.well-known/wasm-pkg/registry.json" {
            return self.well_known.as_ref().map_or_else(not_found, |text| ok(text.to_string()));
        }
        if path == "/token" {
            return self.token(request.uri().query().unwrap_or_default(), authorization);
        }
        if let Some(refusal) = self.refusal(request, authorization) {
            return refusal;
        }
        let Some(path) = path.strip_prefix("/v2/") else { return not_found() };
        if path.is_empty() {
            return ok("{}");
        }
        if let Some((repository, upload)) = path.split_once("/blobs/uploads/") {
            return self.upload(repository, upload, request);
        }
        if let Some(repository) = path.strip_suffix("/tags/list") {
            return self.tags(repository, request.uri().query());
        }
        if let Some((repository, tag)) = path.split_once("/manifests/") {
            if request.method() == Method::PUT {
                return self.put_manifest(repository, tag, request.body());
            }
            let found = self.manifests.get(&(repository.to_owned(), tag.to_owned()));
            return found.map_or_else(not_found, |manifest| ok(manifest.clone()));
        }
        let Some((_, digest)) = path.split_once("/blobs/") else { return not_found() };
        if let Some(url) = &self.elsewhere {
            let redirect = Response::builder().status(307).header(LOCATION, url);
            return redirect.body(Bytes::new()).expect("a response");
        }
        self.blobs.get(digest).map_or_else(not_found, |blob| ok(blob.clone()))
    }

    /// A page of tags, which are after `last`.
    fn tags(&self, repository: &str, query: Option<&str>) -> Response<Bytes> {
        let last = query.and_then(|query| query.strip_prefix("last=")).unwrap_or_default();
        let all = self.manifests.keys().filter(|(of, tag)| of == repository && &**tag > last);
        let mut tags: Vec<&str> = all.map(|(_, tag)| tag.as_str()).collect();
        if tags.is_empty() && last.is_empty() {
            return not_found();
        }
        let more = tags.len() > PAGE_TAGS;
        tags.truncate(PAGE_TAGS);
        let mut response = ok(json!({ "name": repository, "tags": tags }).to_string());
        if more {
            let last = tags[PAGE_TAGS - 1];
            let next = format!("</v2/{repository}/tags/list?last={last}>; rel=\"next\"");
            response.headers_mut().insert("link", HeaderValue::from_str(&next).expect("a link"));
        }
        response
    }

    fn token(&self, query: &str, authorization: Option<&HeaderValue>) -> Response<Bytes> {
        let Access::Token(pair) = self.access else { return not_found() };
        let is_right = authorization.is_some_and(|value| value == &format!("Basic {pair}"));
        let scope = query.strip_prefix("service=tests").unwrap_or("none");
        let has_scope = scope.is_empty()
            || scope.starts_with("&scope=repository%3A")
                && ["%3Apull", "%3Apull%2Cpush"].iter().any(|end| scope.ends_with(end));
        if is_right && has_scope {
            ok(json!({ "token": TOKEN }).to_string())
        } else {
            refused(401, "wrong credentials")
        }
    }

    /// The refusal of a request without the right authorization.
    fn refusal(
        &self,
        request: &Request<Bytes>,
        authorization: Option<&HeaderValue>,
    ) -> Option<Response<Bytes>> {
        let host = request.headers()["host"].to_str().expect("a host");
        let (expected, challenge) = match self.access {
            Access::Open => return None,
            Access::Basic(pair) => (format!("Basic {pair}"), "Basic realm=\"tests\"".to_owned()),
            Access::Token(_) => (
                format!("Bearer {TOKEN}"),
                format!("Bearer realm=\"http://{host}/token\",service=\"tests\""),
            ),
        };
        if authorization.is_some_and(|value| value == &expected) {
            return None;
        }
        let mut response = refused(401, "log in first");
        let challenge = HeaderValue::from_str(&challenge).expect("a challenge");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        Some(response)
    }
}

fn ok(body: impl Into<Bytes>) -> Response<Bytes> {
    Response::new(body.into())
}

fn not_found() -> Response<Bytes> {
    refused(404, "it is unknown")
}

fn refused(status: u16, message: &str) -> Response<Bytes> {
    let body = json!({ "errors": [{ "code": "ERROR", "message": message }] }).to_string();
    Response::builder().status(status).body(body.into()).expect("a response")
}
