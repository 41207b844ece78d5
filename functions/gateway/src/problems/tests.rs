#![allow(clippy::unwrap_used)]
//! The content of the pages.

use super::*;
use http_body_util::BodyExt as _;

async fn page(path: &str) -> (HeaderMap, String) {
    let response = match path {
        PATH => list(&HeaderMap::new()),
        path => one(path, &HeaderMap::new()).unwrap(),
    };
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn text_between_backticks_is_code_and_markup_is_escaped() {
    assert_eq!(text("Use `a<b>`, not \"c\"."), "Use <code>a&lt;b&gt;</code>, not &quot;c&quot;.");
    assert_eq!(text("plain"), "plain");
}

#[tokio::test]
async fn a_page_has_the_meaning_and_the_advice() {
    for kind in ProblemType::ALL {
        let (_, html) = page(kind.path()).await;
        let status = status(*kind);
        for part in [&escape(kind.title()), &text(kind.meaning()), &text(kind.advice()), &status] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}

#[tokio::test]
async fn a_page_loads_nothing_and_its_policy_allows_its_style() {
    for path in [PATH, "/problems/refused"] {
        let (headers, html) = page(path).await;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        let (_, rest) = html.split_once("<style>").unwrap();
        let (style, rest) = rest.split_once("</style>").unwrap();
        let hash = BASE64.encode(&Sha256::digest(style));
        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        for loaded in ["<script", "<link", "<img", "style=", "src="] {
            assert!(!rest.contains(loaded), "{loaded} in {rest}");
        }
    }
}
