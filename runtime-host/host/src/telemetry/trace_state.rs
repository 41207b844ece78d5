//! `tracestate`: vendor-specific data of other tracing systems.
//! <https://www.w3.org/TR/trace-context-2/#tracestate-header>
//!
//! Members are independent: an invalid one is dropped, and the others are propagated. If a list is
//! too long, whole members are dropped in the order that the standard defines.

use http::{HeaderMap, HeaderValue};

/// A list with more members than this is dropped.
const MEMBERS_MAX: usize = 32;
/// Members are dropped from longer lists.
const LENGTH_MAX_BYTES: usize = 512;
/// Longer members are dropped first, if members have to be dropped.
const LONG_MEMBER_BYTES: usize = 128;
const KEY_MAX_BYTES: usize = 256;
const VALUE_MAX_BYTES: usize = 256;

/// The list of a request, as it is propagated.
pub(super) fn of_request(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all("tracestate").iter().map(HeaderValue::as_bytes);
    let members = lines.flat_map(|line| line.split(|byte| *byte == b','));
    let members: Vec<&[u8]> =
        members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).collect();
    if members.len() > MEMBERS_MAX {
        return None;
    }
    let members = fitting(without_duplicates(members));
    if members.is_empty() {
        return None;
    }
    HeaderValue::from_bytes(&members.join(&b',')).ok()
}

/// The valid members; only the first one of several with the same key.
fn without_duplicates(members: Vec<&[u8]>) -> Vec<&[u8]> {
    let mut keys: Vec<&[u8]> = Vec::new();
    let mut kept = members;
    kept.retain(|member| match key(member) {
        Some(key) if !keys.contains(&key) => {
            keys.push(key);
            true
        }
        _ => false,
    });
    kept
}

/// The key of a member, if both its key and its value are valid.
fn key(member: &[u8]) -> Option<&[u8]> {
    let equals = member.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&member[..equals], &member[equals + 1..]);
    let lower_or_digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let in_key = |byte: &u8| lower_or_digit(byte) || b"_-*/@".contains(byte);
    let in_value = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'=';
    let key_fits = key.first().is_some_and(lower_or_digit)
        && key.len() <= KEY_MAX_BYTES
        && key.iter().all(in_key);
    let value_fits =
        !value.is_empty() && value.len() <= VALUE_MAX_BYTES && value.iter().all(in_value);
    (key_fits && value_fits).then_some(key)
}

/// Drops members until the list is short enough: first long ones, then those at the end.
fn fitting(members: Vec<&[u8]>) -> Vec<&[u8]> {
    let mut kept = members;
    let length = |members: &[&[u8]]| {
        members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
    };
    while length(&kept) > LENGTH_MAX_BYTES {
        match kept.iter().rposition(|member| member.len() > LONG_MEMBER_BYTES) {
            Some(long) => drop(kept.remove(long)),
            None => drop(kept.pop()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_on(lines: &[&str]) -> Option<String> {
        let lines = lines.iter().map(|line| HeaderValue::from_str(line).unwrap());
        let headers = lines.map(|line| ("tracestate".parse().unwrap(), line)).collect();
        Some(of_request(&headers)?.to_str().unwrap().to_owned())
    }

    #[test]
    fn lines_are_joined_and_blanks_around_members_dropped() {
        assert_eq!(passed_on(&["a=1 , b=2", "\tc=3,,"]).as_deref(), Some("a=1,b=2,c=3"));
        assert_eq!(passed_on(&[]), None);
        assert_eq!(passed_on(&[" , "]), None);
    }

    #[test]
    fn the_first_of_several_members_with_one_key_is_kept() {
        assert_eq!(passed_on(&["a=1,b=2,a=3", "b=4,c=5"]).as_deref(), Some("a=1,b=2,c=5"));
    }

    #[test]
    fn invalid_members_are_dropped_and_others_are_kept() {
        let long_key = format!("{}=1", "k".repeat(257));
        let long_value = format!("k={}", "v".repeat(257));
        for member in [
            "A=1",
            "foo =1",
            "foo.bar=1",
            "@foo=1",
            "=1",
            "a=",
            "a",
            "a=b=c",
            &long_key,
            &long_value,
        ] {
            let list = passed_on(&[&format!("x=1,{member},y=2")]);
            assert_eq!(list.as_deref(), Some("x=1,y=2"), "{member}");
        }
        let umlaut = HeaderValue::from_bytes(b"x=1,u=\xfc,y=2").unwrap();
        let headers = HeaderMap::from_iter([("tracestate".parse().unwrap(), umlaut)]);
        assert_eq!(of_request(&headers).unwrap(), "x=1,y=2");
    }

    #[test]
    fn all_allowed_characters_are_accepted() {
        for member in
            ["0a=1", "az09_-*/@=1", "tenant@system=a b", "a=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~"]
        {
            assert_eq!(passed_on(&[member]).as_deref(), Some(member));
        }
    }

    #[test]
    fn a_list_that_is_too_long_loses_long_members_first_and_then_the_last_ones() {
        let member = |key: &str, bytes: usize| format!("{key}={}", "v".repeat(bytes - 2));
        let (a, b, c, d) = (member("a", 128), member("b", 129), member("c", 128), member("d", 128));
        let all = [&*a, &b, &c, &d].join(",");
        assert_eq!(passed_on(&[&all]), Some([&*a, &c, &d].join(",")));
        let e = member("e", 128);
        assert_eq!(passed_on(&[&[&*a, &c, &d, &e].join(",")]), Some([&*a, &c, &d].join(",")));
        let fits = [&*a, &c, &d, &member("e", 125)].join(",");
        assert_eq!(fits.len(), 512);
        assert_eq!(passed_on(&[&fits]), Some(fits));
    }

    #[test]
    fn a_list_with_too_many_members_is_dropped() {
        let list = |count: u32| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(passed_on(&[&list(32)]), Some(list(32)));
        assert_eq!(passed_on(&[&list(33)]), None);
    }
}
