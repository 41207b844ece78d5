//! Labels of metrics come from closed sets.
//!
//! Every distinct label is a series that is kept for as long as the process runs. A text that a
//! client or a guest chooses must therefore never become one: it is replaced by [`OTHER`].

use http::Method;

/// Stands for every value outside of its set, as in the conventions of OpenTelemetry.
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
    fn only_registered_methods_have_a_label_of_their_own() {
        for method in &METHODS {
            assert_eq!(method_label(method), method.as_str());
        }
        let long = "A".repeat(50_000);
        for other in ["get", "PROPFIND", &long] {
            assert_eq!(method_label(&Method::from_bytes(other.as_bytes()).unwrap()), OTHER);
        }
    }
}
