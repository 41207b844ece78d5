//! Patterns, the requests that they allow, and what is no pattern.

use super::*;

/// Pattern, then requests that it allows, then requests that it does not.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "https://a.example",
        &["https://a.example", "https://A.Example:443"],
        &["http://a.example", "https://b.example", "https://a.example:8443"],
    ),
    ("HTTPS://A.example/", &["https://a.example"], &["https://a.example:80"]),
    (
        "http://*.a.example:8080",
        &["http://x.a.example:8080", "http://x.y.a.example:8080"],
        &["http://a.example:8080", "http://xa.example:8080", "http://x.a.example"],
    ),
    ("*://*:*", &["tcp://10.0.0.1", "http://x:1", "http://[::1]:1"], &[]),
    ("*://a:6379", &["redis://a", "tcp://a:6379"], &["redis://a:1", "tcp://a"]),
    ("http://a:8000..8010", &["http://a:8000", "http://a:8009"], &["http://a:8010", "http://a"]),
    (
        "*://10.1.0.0/16:*",
        &["tcp://10.1.2.3:1"],
        &["tcp://10.2.0.0:1", "tcp://ten:1", "tcp://[::1]:1"],
    ),
    ("*://0.0.0.0/0:*", &["tcp://10.1.2.3:1"], &["tcp://[::1]:1"]),
    ("http://[::1]", &["http://[::1]", "http://::1"], &["http://[::2]"]),
    ("http://[fd00::]/8:80", &["http://[fd12::1]"], &["http://[fe00::1]"]),
    ("http://fd00::/8", &["http://[fd12::1]"], &["http://[fd12::1]:8080"]),
    ("*://fd00::/8:*", &["tcp://[fd12::1]:5"], &["tcp://[fe00::1]:5"]),
    ("http://10.1.2.3/8", &["http://10.9.9.9"], &["http://11.1.2.3"]),
    ("http://10.1.2.3/", &["http://10.1.2.3"], &["http://10.1.2.4"]),
    ("https://bücher.example", &["https://xn--bcher-kva.example", "https://BÜCHER.example"], &[]),
    ("http://a:", &["http://a"], &["http://a:8080"]),
    ("http://a:80/", &["http://a"], &[]),
    ("http://a:9..1", &[], &["http://a:5"]),
    ("://a:80", &[], &["http://a"]),
    ("http://my_host", &["http://my_host"], &[]),
    ("http://127.0.0.1:3000", &["http://127.0.0.1:3000"], &["http://localhost:3000"]),
    ("http://self", &[], &["http://self", "http://x"]),
    ("postgres://db", &["postgres://db", "postgres://db:5432"], &["mysql://db"]),
    ("rediss://db", &["rediss://db", "rediss://db:6379"], &["redis://db"]),
];

fn allows(pattern: &HostPattern, request: &str) -> bool {
    let (scheme, rest) = request.split_once("://").unwrap();
    let (host, port) = if rest == "::1" { (rest, "") } else { split_port(rest) };
    pattern.matches(scheme, host, (!port.is_empty()).then(|| port.parse().unwrap()))
}

#[test]
fn patterns_match_their_hosts_and_ports() {
    for (text, allowed, denied) in CASES {
        let pattern = HostPattern::parse(text).unwrap();
        for request in *allowed {
            assert!(allows(&pattern, request), "{text} should allow {request}");
        }
        for request in *denied {
            assert!(!allows(&pattern, request), "{text} should deny {request}");
        }
    }
}

#[test]
fn only_self_and_any_host_allow_the_application_itself() {
    let allows = |text: &str| HostPattern::parse(text).unwrap().matches_self("http");
    assert!(allows("http://self") && allows("*://self:*") && allows("*://*:*"));
    assert!(!allows("https://self") && !allows("http://localhost"));
}

#[test]
fn an_empty_variable_grants_nothing() {
    for empty in ["", " ", "http://", "https://"] {
        assert_eq!(HostPattern::parse_rendered(empty), Ok(None), "{empty:?}");
        assert!(HostPattern::parse(empty).is_err(), "{empty:?} without a template");
    }
    assert!(HostPattern::parse_rendered("http://a").unwrap().is_some());
    assert!(HostPattern::parse_rendered("redis://").is_err());
}

#[test]
fn invalid_patterns_are_refused() {
    for bad in [
        "",
        "*",
        ":",
        "example.com",
        "localhost:3001",
        "insecure:allow-all",
        "https://",
        "://a",
        "{http}://a:1",
        "ht-tp://a",
        "{a,b}://c",
        "https://a/path",
        "https://a:80/path",
        "https://a:port",
        "https://a:65536",
        "https://a:..",
        "tcp://a",
        "*://a",
        "https://a.*.b",
        "https://*a",
        "https://*.",
        "http://10.0.0.0/33",
        "http://10.0.0.0/x",
        "http://a b",
        "http://user@a",
        "http://::1",
        "http://a:{80,81}",
        "https://*.10.0.0.1",
    ] {
        assert!(HostPattern::parse(bad).is_err(), "{bad:?} should be refused");
    }
}
