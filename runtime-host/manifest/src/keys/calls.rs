//! An entry of `calls`: a policy for some of the calls that a component makes.

use crate::keys::keys;

/// Maximum number of functions of one entry.
pub(crate) const FUNCTIONS_MAX: usize = 64;

keys! {
    /// The keys of an entry.
    CALLS {
        /// Whom it calls: a component of the application, or a host as in `allowed_outbound_hosts`
        /// (`"https://api.example.com"`). `"http://<id>.spin.internal"` is that component, which is
        /// useful if the URL is a variable.
        TO: Value("to", "a component, or a host", "required");
        /// Only calls of these functions. Without this key, the entry is for all calls of `to`.
        FUNCTIONS: Value(
            "functions", "an array of 1 to 64 functions, for example `\"stock.reserve\"`", "all"
        );
        /// The policy.
        POLICY: Value("policy", "the name of a policy", "required");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_name_the_maximum() {
        assert!(FUNCTIONS.values.contains(&format!("1 to {FUNCTIONS_MAX} ")));
    }
}
