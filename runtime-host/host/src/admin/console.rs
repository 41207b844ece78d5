//! The console: pages for operators, which use the rest of this listener.
//!
//! Plain HTML, CSS and ES modules, embedded in the binary. Scripts and styles are served from a path
//! that contains a digest of all of them. So they can be cached without a time limit, and a page
//! never mixes modules of two versions.

use super::reply::Reply;
use super::route::Call;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;
use std::sync::OnceLock;
use xxhash_rust::xxh3::Xxh3;

/// Allows scripts and styles of this origin only, none inline, no frames and no forms.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A style sheet, script or picture.
struct Asset {
    /// Its path below `console/`.
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($content_type:ident: $($path:literal)+;)+) => {
        &[$($(Asset {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("../../console/", $path)),
        }),+),+]
    };
}

const ASSETS: &[Asset] = assets! {
    CSS: "css/base.css" "css/parts.css" "css/topology.css" "css/views.css";
    SCRIPT: "js/api.js" "js/app.js" "js/chart.js" "js/dom.js" "js/format.js" "js/forms.js"
        "js/graph.js" "js/history.js" "js/layout.js" "js/morph.js" "js/poll.js" "js/rates.js"
        "js/router.js" "js/table.js" "js/token.js" "js/views/chaos.js" "js/views/component.js"
        "js/views/dead-letters.js" "js/views/events.js" "js/views/logs.js"
        "js/views/overview.js" "js/views/policies.js" "js/views/revisions.js"
        "js/views/schedules.js" "js/views/trace.js" "js/views/traces.js";
    SVG: "icon.svg";
};
const INDEX: &str = include_str!("../../console/index.html");

/// An asset of this build.
pub(super) fn asset(call: &Call<'_>) -> Reply {
    asset_of(call.value(0), call.value(1)).unwrap_or_else(super::reply::nothing_here)
}

/// The document of all pages.
pub(super) fn index(call: &Call<'_>) -> Reply {
    document(&call.fields)
}

fn asset_of(build: &str, path: &str) -> Option<Reply> {
    let is_ours = build == self::build();
    let asset = ASSETS.iter().find(|asset| is_ours && asset.path == path)?;
    Some(reply(asset.content_type, asset.text, IMMUTABLE))
}

/// Its scripts render the page of the fragment.
fn document(headers: &HeaderMap) -> Reply {
    let tag = format!("\"{}\"", build());
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|list| list.split(',')).map(str::trim);
    let mut reply = if known.any(|one| one == "*" || one.trim_start_matches("W/") == tag) {
        let mut reply = reply(HTML, "", REVALIDATE);
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        reply
    } else {
        reply(HTML, INDEX.replace("{{build}}", build()), REVALIDATE)
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}

fn reply(content_type: &'static str, text: impl Into<Bytes>, cache: &'static str) -> Reply {
    let mut reply = Reply::new(Full::new(text.into()));
    let fields = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fields {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// The digest of all of them.
fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let mut hash = Xxh3::new();
        hash.update(INDEX.as_bytes());
        ASSETS.iter().for_each(|asset| hash.update(asset.text.as_bytes()));
        format!("{:016x}", hash.digest())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::path::Path;

    fn files(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => files(&path, found),
                false => found
                    .push(path.to_string_lossy().rsplit_once("/console/").unwrap().1.to_owned()),
            }
        }
    }

    #[test]
    fn every_file_is_embedded() {
        let mut found = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("console"), &mut found);
        found.retain(|path| path != "index.html");
        found.sort();
        let mut embedded: Vec<_> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
        embedded.sort();
        assert_eq!(found, embedded);
    }

    #[test]
    fn every_imported_module_exists() {
        for asset in ASSETS.iter().filter(|asset| asset.content_type == SCRIPT) {
            let folder = Path::new(asset.path).parent().unwrap();
            for line in asset.text.lines().filter(|line| line.starts_with("import ")) {
                let target = line.split('\'').nth(1).unwrap();
                let mut path = folder.to_path_buf();
                for part in target.split('/').filter(|part| *part != ".") {
                    match part {
                        ".." => assert!(path.pop()),
                        name => path.push(name),
                    }
                }
                let exists = ASSETS.iter().any(|one| Path::new(one.path) == path);
                assert!(exists, "{}: {target}", asset.path);
            }
        }
    }

    #[test]
    fn nothing_is_inline_or_external_and_text_never_becomes_markup() {
        let scripts = ASSETS.iter().map(|asset| (asset.path, asset.text));
        for (path, text) in scripts.chain([("index.html", INDEX)]) {
            for forbidden in [
                "<style",
                " style=",
                "<script>",
                " onclick=",
                "https://",
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "eval(",
                "@import",
                "document.write",
            ] {
                assert!(!text.contains(forbidden), "{path}: {forbidden}");
            }
            // The only other addresses are the names of SVG.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http://"), "{path}");
        }
    }

    #[test]
    fn the_document_is_not_sent_again_if_it_is_known() {
        let first = document(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[ETAG].clone();
        let again = document(&HeaderMap::from_iter([(IF_NONE_MATCH, tag)]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("\"x\""))]);
        assert_eq!(document(&other).status(), StatusCode::OK);
    }

    #[test]
    fn assets_have_the_path_of_this_build() {
        let script = asset_of(build(), "js/app.js").unwrap();
        assert_eq!(script.headers()[CACHE_CONTROL], IMMUTABLE);
        assert_eq!(script.headers()[CONTENT_TYPE], SCRIPT);
        for (build, path) in [("0", "js/app.js"), (build(), "js/x")] {
            assert!(asset_of(build, path).is_none(), "{build} {path}");
        }
    }
}
