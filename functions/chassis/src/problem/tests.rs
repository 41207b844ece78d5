#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use http_body_util::BodyExt;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[tokio::test]
async fn a_problem_has_the_format_of_rfc_9457() {
    let response = Problem::new(ProblemType::CartFull)
        .detail("a cart holds 2 products")
        .error("/items/0/quantity", "at most 2")
        .extension("available", 2)
        .header(header::RETRY_AFTER, "7")
        .into_response();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["retry-after"], "7");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let expected = json!({
        "type": "/problems/cart-full",
        "title": "The cart is full",
        "status": 409,
        "detail": "a cart holds 2 products",
        "errors": [{"pointer": "/items/0/quantity", "detail": "at most 2"}],
        "available": 2,
    });
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), expected);
}

#[test]
fn a_header_value_with_a_line_break_is_left_out() {
    let problem = Problem::internal().header(header::RETRY_AFTER, "1\r\nset-cookie: a=b");
    assert!(problem.into_response().headers().get("retry-after").is_none());
}

#[test]
fn a_relayed_status_is_kept() {
    let status = StatusCode::IM_A_TEAPOT;
    let problem = Problem::new(ProblemType::Refused).with_status(status);
    assert_eq!((problem.status(), problem.into_response().status()), (status, status));
}

#[test]
fn every_type_has_a_unique_slug_and_advice() {
    let mut slugs = BTreeSet::new();
    for kind in ProblemType::ALL {
        let slug = kind.slug();
        assert!(slugs.insert(slug), "{slug} is there twice");
        assert!(slug.bytes().all(|c| c.is_ascii_lowercase() || c == b'-'), "{slug}");
        assert_eq!(kind.path(), format!("/problems/{slug}"));
        let is_error = |status: StatusCode| status.is_client_error() || status.is_server_error();
        assert!(kind.status().is_none_or(is_error), "{slug}");
        for text in [kind.meaning(), kind.advice()] {
            assert!(text.ends_with('.') && text.matches('`').count() % 2 == 0, "{slug}: {text}");
        }
    }
}

/// The sources of all functions by file, without tests and descriptions of the API.
fn sources() -> BTreeMap<PathBuf, String> {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeMap::new();
    let mut folders = vec![functions.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["tests", "api"].contains(&name) {
                folders.push(path);
            } else if name.ends_with(".rs") && !["tests.rs", "api.rs"].contains(&name) {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                found.insert(path.strip_prefix(functions).unwrap().to_owned(), code);
            }
        }
    }
    found
}

/// The names that follow `marker` in `code`.
fn names<'a>(code: &'a str, marker: &'static str) -> impl Iterator<Item = &'a str> {
    code.split(marker).skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// The shorthands of [`Problem`], for example `not_found`, by their types.
fn shorthands(code: &str) -> BTreeMap<&str, &str> {
    let of = |function| {
        let name = names(function, "pub fn ").next()?;
        Some((names(function, "Problem::new(ProblemType::").next()?, name))
    };
    let starts: Vec<usize> = code.match_indices("pub fn ").map(|(start, _)| start).collect();
    let ends = starts.iter().skip(1).copied().chain([code.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| of(&code[*start..end])).collect()
}

#[test]
fn every_type_is_used() {
    let mut sources = sources();
    let own = sources.remove(Path::new("chassis/src/problem.rs")).expect("this module");
    sources.remove(Path::new("chassis/src/problem/types.rs")).expect("the list");
    let shorthands = shorthands(&own);
    assert_eq!(shorthands.len(), 8, "{shorthands:?}");
    let all = |marker| sources.values().flat_map(move |code| names(code, marker));
    let types: BTreeSet<&str> = all("ProblemType::").collect();
    let made: BTreeSet<&str> = all("Problem::").chain(all("Self::")).collect();
    for kind in ProblemType::ALL {
        let name = format!("{kind:?}");
        let shorthand = shorthands.get(name.as_str());
        let is_answered = types.contains(name.as_str())
            || shorthand.is_some_and(|shorthand| made.contains(shorthand));
        assert!(is_answered, "nothing answers {}", kind.slug());
    }
}

/// A type outside of the list would be undocumented.
#[test]
fn only_the_list_names_types() {
    for (path, code) in sources() {
        let by_hand = names(&code, "/problems/").find(|name| !name.is_empty());
        assert_eq!(by_hand, None, "{}", path.display());
    }
}
