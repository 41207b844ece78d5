//! The codes of problems: each declared once, with its meaning.
//!
//! Tests, editors and search engines hold on to them, so a code is never renamed or reused.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// What kind of problem it is; written `tessera::manifest::<name>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The last part of the code, as `unknown_key`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// The file cannot be read.
    Unreadable => "unreadable",
    /// It is not TOML.
    Syntax => "syntax",
    /// It is not written for version 2 of the manifest.
    ManifestVersion => "manifest_version",
    /// An unknown key.
    UnknownKey => "unknown_key",
    /// A key that has to be there.
    MissingKey => "missing_key",
    /// Keys of which only one may be there.
    ConflictingKeys => "conflicting_keys",
    /// A key of older manifests.
    DeprecatedKey => "deprecated_key",
    /// A value of the wrong type.
    WrongType => "wrong_type",
    /// A text that must not be empty.
    EmptyValue => "empty_value",
    /// A value outside of what is possible.
    BadValue => "bad_value",
    /// A name that breaks the rules for names.
    BadName => "bad_name",
    /// The same entry twice in one list.
    DuplicateEntry => "duplicate_entry",
    /// Something that Spin knows and this host does not offer.
    Unsupported => "unsupported",
    /// A trigger of an unknown type.
    UnknownTrigger => "unknown_trigger",
    /// A trigger without a component.
    TriggerWithoutComponent => "trigger_without_component",
    /// Two triggers with one id.
    DuplicateTriggerId => "duplicate_trigger_id",
    /// A reference to a component that is not there.
    UnknownComponent => "unknown_component",
    /// A route that is not a path pattern.
    BadRoute => "bad_route",
    /// Two triggers for the same requests.
    DuplicateRoute => "duplicate_route",
    /// A host pattern that matches nothing or cannot be read.
    BadHost => "bad_host",
    /// A template with unpaired braces or no name in them.
    BadTemplate => "bad_template",
    /// A template that names a variable that is not declared.
    UnknownVariable => "unknown_variable",
    /// A variable that is required and has a default, or neither.
    VariableDefault => "variable_default",
    /// One store or database in the hands of two components.
    SharedStore => "shared_store",
    /// A dependency that cannot be understood or met.
    BadDependency => "bad_dependency",
    /// A component that may not be used as a dependency.
    UnfitDependency => "unfit_dependency",
    /// A bridge that leads nowhere.
    BadBridge => "bad_bridge",
    /// Components that are linked in a circle.
    LinkCycle => "link_cycle",
    /// A limit outside of its range.
    LimitRange => "limit_range",
    /// `on_start` of a component that could not answer it.
    OnStart => "on_start",
    /// A subscription of a component that can't receive events, or that members of a group disagree
    /// about.
    Subscription => "subscription",
    /// A schedule of a component that could not answer it.
    Schedule => "schedule",
    /// A file that the manifest names and that is not there.
    MissingFile => "missing_file",
    /// Something that this host accepts and stock Spin refuses or interprets differently.
    NotPortable => "not_portable",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tessera::manifest::{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_codes_share_a_name() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
