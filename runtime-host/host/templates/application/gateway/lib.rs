//! The gateway: decides which component answers a request from outside.

#[cfg(target_family = "wasm")]
mod component;

/// The header fields of clients that are passed on.
pub const FIELDS: [&str; 4] = ["accept", "content-type", "traceparent", "x-request-id"];

/// The component that answers requests for a path, or `None` if there is no such page.
pub fn upstream(path: &str) -> Option<&'static str> {
    match path.strip_prefix("/orders/") {
        Some(id) if !id.is_empty() && !id.contains('/') => Some("orders"),
        _ if path == "/statistics" => Some("statistics"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::upstream;

    #[test]
    fn paths_lead_to_components() {
        assert_eq!(upstream("/orders/1"), Some("orders"));
        assert_eq!(upstream("/statistics"), Some("statistics"));
    }

    #[test]
    fn what_is_not_listed_is_not_public() {
        for path in ["/", "/orders/", "/orders/1/2", "/events", "/statistics/events"] {
            assert_eq!(upstream(path), None, "{path}");
        }
    }
}
