//! The codes of problems: each declared once, with its meaning.
//!
//! Tests, editors and search engines refer to them, so a code is never renamed or reused.

tessera_strict_toml::codes! {
    pub enum Code in "tessera::manifest" {
        /// The file cannot be read.
        Unreadable => "unreadable",
        /// The manifest has an unknown version.
        ManifestVersion => "manifest_version",
        /// Keys that exclude each other.
        ConflictingKeys => "conflicting_keys",
        /// A key of older manifests.
        DeprecatedKey => "deprecated_key",
        /// A name that breaks the rules for names.
        BadName => "bad_name",
        /// The same entry twice in one array.
        DuplicateEntry => "duplicate_entry",
        /// A trigger of an unknown type.
        UnknownTrigger => "unknown_trigger",
        /// A trigger without a component.
        TriggerWithoutComponent => "trigger_without_component",
        /// Two triggers with the same id.
        DuplicateTriggerId => "duplicate_trigger_id",
        /// A reference to a component that does not exist.
        UnknownComponent => "unknown_component",
        /// A build profile that no component has.
        UnknownProfile => "unknown_profile",
        /// A route that is not a path pattern.
        BadRoute => "bad_route",
        /// Two triggers for the same requests.
        DuplicateRoute => "duplicate_route",
        /// An invalid host pattern.
        BadHost => "bad_host",
        /// A template with unpaired braces or without a name in them.
        BadTemplate => "bad_template",
        /// A template that uses an undeclared variable.
        UnknownVariable => "unknown_variable",
        /// A variable that is required and has a default, or neither.
        VariableDefault => "variable_default",
        /// A store or database that is used by two components.
        SharedStore => "shared_store",
        /// An invalid dependency.
        BadDependency => "bad_dependency",
        /// A component that can't be used as a dependency.
        UnfitDependency => "unfit_dependency",
        /// A bridge without a component that this host runs.
        BadBridge => "bad_bridge",
        /// Links between components that form a cycle.
        LinkCycle => "link_cycle",
        /// A number outside of its range.
        LimitRange => "limit_range",
        /// `on_start` of a component that does not serve HTTP.
        OnStart => "on_start",
        /// A subscription of a component that can't receive events, or members of a group whose
        /// subscriptions differ.
        Subscription => "subscription",
        /// A schedule of a component that does not serve HTTP.
        Schedule => "schedule",
        /// A policy for calls that can't be made, or that does not exist.
        Policy => "policy",
        /// A file that does not exist.
        MissingFile => "missing_file",
        /// Something that this host accepts and stock Spin refuses or interprets differently.
        NotPortable => "not_portable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use tessera_strict_toml::Code as _;

    #[test]
    fn the_names_of_codes_are_unique() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.to_string()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
