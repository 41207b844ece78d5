//! `allowed_http_hosts`: how older manifests name the hosts that a component may reach.
//!
//! Its entries are hosts without a scheme or port, so each becomes several patterns of
//! `allowed_outbound_hosts`, as in Spin.

use url::Url;

use crate::reader::{Code, Field, Problem};

/// The key.
pub(super) const OLDER: &str = "allowed_http_hosts";

/// The entry for all hosts.
const ALL: &str = "insecure:allow-all";
const ALL_PATTERNS: [&str; 3] = ["http://*:*", "https://*:*", "http://self"];

/// The patterns for databases. Older manifests had no key for them: all were allowed.
pub(super) const DATABASE_PATTERNS: [&str; 3] = ["redis://*:*", "mysql://*:*", "postgres://*:*"];

/// The patterns of `allowed_outbound_hosts` that mean the same.
pub(super) fn read(field: &Field<'_>) -> Vec<String> {
    let items = field.items().unwrap_or_default();
    let texts: Vec<_> = items.iter().filter_map(|item| Some((item, item.string()?))).collect();
    if texts.iter().any(|(_, text)| text == ALL) {
        return ALL_PATTERNS.map(str::to_owned).to_vec();
    }
    let mut patterns = Vec::new();
    for (item, text) in texts {
        match self::patterns(&text) {
            Ok(found) => patterns.extend(found),
            Err(why) => {
                let hint = "write a host, and a port if it is not the default";
                item.report_invalid(Code::BadHost, "a host", &why, hint);
            }
        }
    }
    patterns
}

/// Like [`read`], for a manifest whose version has a newer key.
pub(super) fn read_older(field: &Field<'_>) -> Vec<String> {
    let patterns = read(field);
    if !patterns.is_empty() {
        let message = format!("`{}` is a key of older manifests", field.path);
        let problem = Problem::new(Code::DeprecatedKey, message).warning();
        let list = patterns.join("\", \"");
        let hint = format!("write `allowed_outbound_hosts = [\"{list}\"]`");
        field.problems.push(problem.label(field.key.clone(), "deprecated").hint(hint));
    }
    patterns
}

fn patterns(text: &str) -> Result<Vec<String>, String> {
    // Otherwise the name before a port would be taken for a scheme.
    let url = if text.contains("//") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&url).map_err(|error| error.to_string())?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err("its scheme is neither `http` nor `https`".to_owned());
    }
    if url.path().len() > 1 {
        return Err("it has a path".to_owned());
    }
    let host = url.host_str().ok_or("the host is missing")?;
    if host == "self" {
        return Ok(vec!["http://self".to_owned()]);
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(["http", "https"].map(|scheme| format!("{scheme}://{host}{port}")).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_becomes_a_pattern_for_each_scheme() {
        for (text, expected) in [
            ("a.example", &["http://a.example", "https://a.example"][..]),
            ("https://A.example/", &["http://a.example", "https://a.example"]),
            ("localhost:3001", &["http://localhost:3001", "https://localhost:3001"]),
            ("http://a.example:80", &["http://a.example", "https://a.example"]),
            ("[::1]:8080", &["http://[::1]:8080", "https://[::1]:8080"]),
            ("*.a.example", &["http://*.a.example", "https://*.a.example"]),
            ("self", &["http://self"]),
        ] {
            assert_eq!(patterns(text).unwrap(), expected, "{text}");
        }
        for bad in ["", "a/b", "ftp://a", "http://", "a b", "{{ host }}", "a:port"] {
            assert!(patterns(bad).is_err(), "{bad:?}");
        }
    }
}
