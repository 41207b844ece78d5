//! Parameters of queries. Each has a known name and is given at most once: a misspelled one would be
//! ignored.

use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The parameters of a query.
#[derive(Debug)]
pub(super) struct Query<'a>(BTreeMap<&'a str, String>);

impl<'a> Query<'a> {
    /// Errors: a parameter has another name, is given twice, or is not UTF-8.
    pub(super) fn parse(query: &'a str, names: &[&str]) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !names.contains(&name) {
                return Err(format!("there is no parameter `{name}` here"));
            }
            let value = value.replace('+', " ");
            let value = percent_decode_str(&value).decode_utf8();
            let value = value.map_err(|_| format!("`{name}` is not UTF-8"))?.into_owned();
            if given.insert(name, value).is_some() {
                return Err(format!("`{name}` is given twice"));
            }
        }
        Ok(Self(given))
    }

    /// The value of a parameter. An empty one counts as missing, as forms send it.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Errors: the parameter is missing.
    pub(super) fn required(&mut self, name: &str) -> Result<String, String> {
        self.take(name).ok_or_else(|| format!("`{name}` is missing"))
    }

    /// Errors: the value is not of this type.
    pub(super) fn parsed<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.take(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("`{name}` can't be `{text}`"))
    }

    /// How many items are wanted, at most `max`.
    pub(super) fn limit(&mut self, default: usize, max: usize) -> Result<usize, String> {
        match self.parsed("limit")?.unwrap_or(default) {
            limit if (1..=max).contains(&limit) => Ok(limit),
            limit => Err(format!("`limit` can't be {limit}: 1 to {max}")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn values_are_decoded() {
        let mut query = Query::parse("a=b%2Fc+d&e=&limit=7", &["a", "e", "limit"]).unwrap();
        assert_eq!(query.take("a").as_deref(), Some("b/c d"));
        assert_eq!(query.take("e"), None);
        assert_eq!(query.required("f").unwrap_err(), "`f` is missing");
        assert_eq!(query.limit(1, 10), Ok(7));
        assert_eq!(query.limit(1, 10), Ok(1));
    }

    #[test]
    fn what_is_misspelled_twice_or_out_of_range_is_an_error() {
        let error = |query: &str| Query::parse(query, &["a", "limit"]).unwrap_err();
        assert_eq!(error("b=1"), "there is no parameter `b` here");
        assert_eq!(error("a=1&a=2"), "`a` is given twice");
        assert_eq!(error("a=%ff"), "`a` is not UTF-8");
        for limit in ["0", "11", "x", "-1"] {
            let text = format!("limit={limit}");
            assert!(Query::parse(&text, &["limit"]).unwrap().limit(1, 10).is_err(), "{limit}");
        }
    }
}
