//! Lists in pages: `{"items":[…],"next_cursor":null|"…"}`.
//!
//! A cursor is opaque to clients. It carries a position and a digest that ties the position
//! to its list (route, filters, owner), so that a cursor of another list, or one that was
//! edited, is refused with 400 instead of returning a wrong page. The digest is not a
//! secret: what a caller may see is decided by the caller, never by the cursor.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use data_encoding::BASE64URL_NOPAD;
use http::request::Parts;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// Items of a page when the client does not say.
pub const LIMIT_DEFAULT: usize = 20;
/// Items of a page at most.
pub const LIMIT_MAX: usize = 100;
/// The longest cursor that is looked at, in characters.
const CURSOR_CHARS_MAX: usize = 1024;
const DIGEST_BYTES: usize = 8;

/// One page of a list, in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{T}Page"))]
pub struct Page<T> {
    /// At most `limit` items.
    pub items: Vec<T>,
    /// Send it as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The same page with other items.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next_cursor: self.next_cursor }
    }
}

/// Makes and reads cursors.
#[derive(Clone, Copy, Debug)]
pub struct Cursor;

impl Cursor {
    /// A cursor to `position` in the list that `scope` names (route, filters, owner).
    pub fn encode(scope: &str, position: &impl Serialize) -> String {
        let position = serde_json::to_vec(position).unwrap_or_default();
        let mut bytes = digest(scope, &position);
        bytes.extend_from_slice(&position);
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The position inside, or 400 if this is not a cursor of that list.
    pub fn decode<T: DeserializeOwned>(scope: &str, cursor: &str) -> Result<T, Problem> {
        let unusable = || Problem::bad_request("The cursor does not belong to this list.");
        if cursor.len() > CURSOR_CHARS_MAX {
            return Err(unusable());
        }
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).map_err(|_| unusable())?;
        let (tag, position) = bytes.split_at_checked(DIGEST_BYTES).ok_or_else(unusable)?;
        if tag != digest(scope, position) {
            return Err(unusable());
        }
        serde_json::from_slice(position).map_err(|_| unusable())
    }
}

fn digest(scope: &str, position: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update((scope.len() as u64).to_le_bytes());
    hash.update(scope.as_bytes());
    hash.update(position);
    hash.finalize()[..DIGEST_BYTES].to_vec()
}

/// Extractor for `?limit=&cursor=`; other parameters are left to other extractors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// Items wanted, 1 to [`LIMIT_MAX`], [`LIMIT_DEFAULT`] if not given.
    pub limit: usize,
    /// The cursor as it came; read it with [`PageQuery::position`].
    pub cursor: Option<String>,
}

impl PageQuery {
    /// Where the page starts: `None` for the first page, 400 for a cursor of another list.
    pub fn position<T: DeserializeOwned>(&self, scope: &str) -> Result<Option<T>, Problem> {
        self.cursor.as_deref().map(|cursor| Cursor::decode(scope, cursor)).transpose()
    }
}

#[derive(Deserialize)]
struct Parameters {
    limit: Option<String>,
    cursor: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<PageQuery, Problem> {
        let Query(parameters) = Query::<Parameters>::try_from_uri(&parts.uri)
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        let limit = match parameters.limit {
            None => LIMIT_DEFAULT,
            Some(text) => {
                text.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n)).ok_or_else(|| {
                    Problem::bad_request(format!("limit must be a number from 1 to {LIMIT_MAX}."))
                })?
            }
        };
        let cursor = parameters.cursor.filter(|cursor| !cursor.is_empty());
        Ok(PageQuery { limit, cursor })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_position() {
        let cursor = Cursor::encode("orders/usr_1", &(17, "ord_1"));
        let back: (u32, String) = Cursor::decode("orders/usr_1", &cursor).unwrap();
        assert_eq!(back, (17, "ord_1".to_owned()));
        assert!(!cursor.contains("ord_1"), "positions are not readable at a glance");
    }

    #[test]
    fn any_edit_and_any_other_list_is_refused() {
        let cursor = Cursor::encode("orders/usr_1", &17);
        assert!(Cursor::decode::<u32>("orders/usr_2", &cursor).is_err());
        for index in 0..cursor.len() {
            let mut edited = cursor.clone().into_bytes();
            edited[index] = if edited[index] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).unwrap();
            let result = Cursor::decode::<u32>("orders/usr_1", &edited);
            assert_eq!(result.unwrap_err().status(), 400, "{index}");
        }
        for text in ["", "17", "====", &"A".repeat(5_000)] {
            assert!(Cursor::decode::<u32>("orders/usr_1", text).is_err(), "{text}");
        }
    }

    async fn query(uri: &str) -> Result<PageQuery, Problem> {
        let (mut parts, ()) = http::Request::get(uri).body(()).unwrap().into_parts();
        PageQuery::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn limits_are_checked_and_other_parameters_ignored() {
        assert_eq!(query("/x?q=tea&limit=5").await.unwrap().limit, 5);
        assert_eq!(query("/x").await.unwrap(), PageQuery { limit: 20, cursor: None });
        for limit in ["0", "101", "-1", "ten", "1e2", ""] {
            let result = query(&format!("/x?limit={limit}")).await;
            assert_eq!(result.unwrap_err().status(), 400, "{limit}");
        }
    }
}
