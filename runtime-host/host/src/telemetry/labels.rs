//! Metric labels from closed sets.
//!
//! Every distinct label value creates a time series that lives as long as the process. So a text
//! that a client or a guest chooses must never become a label: it is replaced by [`OTHER`].

use http::Method;

/// Stands for every value outside of the set, as in the OpenTelemetry semantic conventions.
pub(crate) const OTHER: &str = "_OTHER";

/// The methods of RFC 9110, and `PATCH`.
pub(crate) static METHODS: [Method; 9] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

/// The name of a method for spans and metrics.
pub(crate) fn method_label(method: &Method) -> &'static str {
    METHODS.iter().find(|known| *known == method).map_or(OTHER, Method::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_methods_have_their_own_label() {
        for method in &METHODS {
            assert_eq!(method_label(method), method.as_str());
        }
        let long = "A".repeat(50_000);
        for other in ["get", "PROPFIND", &long] {
            assert_eq!(method_label(&Method::from_bytes(other.as_bytes()).unwrap()), OTHER);
        }
    }
}
