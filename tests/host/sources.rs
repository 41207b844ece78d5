//! Code that the manifest names by a URL: downloaded once, checked, and kept.

use crate::modules::{SPIN_1, made_of};
use crate::support::oci::digest_of;
use crate::support::{Application, Backend};
use bytes::Bytes;
use harness::HostBuilder;
use http::Response;
use tempfile::TempDir;

/// The code of a component that answers "good morning".
fn code() -> Bytes {
    wat::parse_str(SPIN_1).unwrap().into()
}

/// An application whose component is at this URL.
fn at(url: &str, digest: &str) -> Application {
    let app = made_of(SPIN_1, "");
    let local = "source = \"guest.wasm\"";
    let manifest = std::fs::read_to_string(app.manifest()).unwrap();
    let remote = format!("source = {{ url = \"{url}\", digest = \"{digest}\" }}");
    std::fs::write(app.manifest(), manifest.replace(local, &remote)).unwrap();
    std::fs::remove_file(app.folder().join("guest.wasm")).unwrap();
    app
}

/// A host that keeps downloads in this folder.
fn keeping(app: &Application, cache: &TempDir) -> HostBuilder {
    app.host().argument("--cache-dir").argument(cache.path())
}

#[tokio::test]
async fn code_is_downloaded_through_redirects_and_only_once() {
    let (mut backend, cache) = (Backend::start().await, TempDir::new().unwrap());
    let app = at(&backend.url("/latest/guest.wasm"), &digest_of(&code()));
    let serve = async {
        let request = backend.next().await;
        assert_eq!(request.request.uri().path(), "/latest/guest.wasm");
        let redirect = Response::builder().status(302).header("location", "../v1/guest.wasm");
        request.answer_with(redirect.body(Bytes::new()).unwrap());
        let request = backend.next().await;
        assert_eq!(request.request.uri().path(), "/v1/guest.wasm");
        request.answer_with(Response::new(code()));
    };
    let (host, ()) = tokio::join!(keeping(&app, &cache).start(), serve);
    assert_eq!(host.client().get("/").await.expect(200).text(), "good morning");
    drop(host);
    let host = keeping(&app, &cache).start().await;
    assert_eq!(host.client().get("/").await.expect(200).text(), "good morning");
    assert!(backend.idle(), "the second start downloaded it again");
}

#[tokio::test]
async fn a_damaged_file_is_downloaded_again() {
    let (mut backend, cache) = (Backend::start().await, TempDir::new().unwrap());
    let app = at(&backend.url("/guest.wasm"), &digest_of(&code()));
    for _ in 0..2 {
        let serve = async { backend.next().await.answer_with(Response::new(code())) };
        let (host, ()) = tokio::join!(keeping(&app, &cache).start(), serve);
        host.client().get("/").await.expect(200);
        for file in std::fs::read_dir(cache.path().join("downloads")).unwrap() {
            std::fs::write(file.unwrap().path(), "damaged").unwrap();
        }
    }
}

#[tokio::test]
async fn other_content_than_the_manifest_expects_is_refused() {
    let (mut backend, cache) = (Backend::start().await, TempDir::new().unwrap());
    let (url, expected) = (backend.url("/guest.wasm"), digest_of(&code()));
    let app = at(&url, &expected);
    let serve = async { backend.next().await.answer_with(Response::new("other".into())) };
    let found = digest_of(b"other");
    let texts = ["`guest`", url.as_str(), &found, &expected, "change the `digest`"];
    tokio::join!(keeping(&app, &cache).assert_fails(&texts), serve);
    assert_eq!(std::fs::read_dir(cache.path().join("downloads")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_without_the_file_is_reported_with_its_status() {
    let (mut backend, cache) = (Backend::start().await, TempDir::new().unwrap());
    let url = backend.url("/guest.wasm");
    let app = at(&url, &digest_of(&code()));
    let serve = async { backend.next().await.answer(404, "") };
    let texts = ["`guest`", url.as_str(), "404", "Check the URL"];
    tokio::join!(keeping(&app, &cache).assert_fails(&texts), serve);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_reported() {
    // No server has this port.
    let url = "http://127.0.0.1:1/guest.wasm";
    let cache = TempDir::new().unwrap();
    let app = at(url, &digest_of(&code()));
    keeping(&app, &cache).assert_fails(&["`guest`", url, "there is no connection"]).await;
}
