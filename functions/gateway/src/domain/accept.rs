//! Content negotiation between two media types (RFC 9110, section 12.5.1).

/// Whether `Accept` prefers JSON to HTML. Clients without a preference get the page, because people
/// follow links in a browser, while programs can ask for JSON.
pub fn prefers_json(field: &str) -> bool {
    weight(field, "application", "json") > weight(field, "text", "html")
}

/// The weight of a media type: that of the most specific range that contains it; 0 if none does.
fn weight(field: &str, kind: &str, name: &str) -> f32 {
    let fitting = field.split(',').filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let (range_kind, range_name) = parts.next()?.split_once('/')?;
        let specific = match (range_kind, range_name) {
            ("*", "*") => 0,
            (range, "*") if range.eq_ignore_ascii_case(kind) => 1,
            _ if range_kind.eq_ignore_ascii_case(kind) && range_name.eq_ignore_ascii_case(name) => {
                2
            }
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        Some((specific, weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0))))
    });
    fitting.max_by_key(|(specific, _)| *specific).map_or(0.0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_sent_if_it_is_preferred() {
        for field in [
            "application/json",
            "Application/JSON",
            "application/problem+json, application/json",
            "application/*",
            "text/html;q=0.5, application/json",
            "text/html; q=0.5, application/json; q=0.6",
            "text/*;q=0.1, */*;q=0.2",
            "application/json, */*;q=0.1",
        ] {
            assert!(prefers_json(field), "{field}");
        }
    }

    #[test]
    fn otherwise_the_page_is_sent() {
        for field in [
            "",
            "*/*",
            "text/html",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json, text/html",
            "application/json;q=0",
            "application/json;q=x",
            "application/json;q=0.5, text/html;q=0.5",
            "image/png",
            "json",
        ] {
            assert!(!prefers_json(field), "{field}");
        }
    }
}
