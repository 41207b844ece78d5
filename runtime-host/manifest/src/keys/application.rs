//! The table `[application.tool.tessera]`.

use crate::keys::keys;

keys! {
    /// The keys of the table.
    APPLICATION {
        /// Limits of every component that does not set its own; see
        /// [limits.md](limits.md#components).
        LIMITS: Value("limits", "a table", "the defaults");
        /// Named policies for calls; see [policies.md](policies.md). One with the name `default`
        /// applies to all calls of components that have no other policy.
        POLICIES: Value("policies", "a table of up to 64 policies", "none");
        /// Settings of the event log; see [below](#events).
        EVENTS: Value("events", "a table", "the defaults");
        /// With `"loopback-only"`, a variable with `secret = true` may have its default value, which
        /// is published in the manifest, only on a loopback address. On other addresses,
        /// `tessera up` names the variables and does not start, unless `--insecure-defaults` is
        /// given.
        SECRET_DEFAULTS: Value("secret_defaults", "`\"loopback-only\"`", "a warning");
        /// If the operator sets no value for such a variable, the host generates a random one at
        /// the first start and stores it in `generated-secrets.env` in the state directory.
        GENERATED_SECRETS: Value(
            "generated_secrets", "an array of variables with `secret = true`", "none"
        );
        /// The variable with the URL at which clients reach the application. If the operator sets
        /// no value, it is derived from the listen address; on a wildcard address (`0.0.0.0`) it
        /// has to be set.
        BASE_URL: Value("base_url", "a variable", "none");
        /// The file with the definitions of feature flags, relative to the manifest; see
        /// [feature flags](how-to/feature-flags.md).
        FLAGS: Value("flags", "a path", "none");
    }
}
