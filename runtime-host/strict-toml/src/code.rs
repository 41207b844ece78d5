//! The codes of problems.

use std::fmt;

/// The codes of the problems of one kind of document, declared with [`codes`](crate::codes). A
/// report shows them as `Display` does, for example `tessera::manifest::unknown_key`.
pub trait Code: Copy + Eq + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The text is not TOML.
    const SYNTAX: Self;
    /// A key that the reader does not know.
    const UNKNOWN_KEY: Self;
    /// A required key is missing.
    const MISSING_KEY: Self;
    /// A value has the wrong type.
    const WRONG_TYPE: Self;
    /// A string or an array that must not be empty is empty.
    const EMPTY_VALUE: Self;
    /// A value that is not allowed.
    const BAD_VALUE: Self;
    /// A key that is known and not supported.
    const UNSUPPORTED: Self;
    /// All codes.
    const ALL: &'static [Self];
}

/// Declares the codes of one kind of document: their prefix, and those that only this kind has.
#[macro_export]
macro_rules! codes {
    ($visibility:vis enum $code:ident in $prefix:literal {
        $($(#[$doc:meta])* $variant:ident => $name:literal,)*
    }) => {
        /// The kind of a problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $visibility enum $code {
            /// The text is not TOML.
            Syntax,
            /// A key that the reader does not know.
            UnknownKey,
            /// A required key is missing.
            MissingKey,
            /// A value has the wrong type.
            WrongType,
            /// A string or an array that must not be empty is empty.
            EmptyValue,
            /// A value that is not allowed.
            BadValue,
            /// A key that is known and not supported.
            Unsupported,
            $($(#[$doc])* $variant,)*
        }

        impl $crate::Code for $code {
            const SYNTAX: Self = Self::Syntax;
            const UNKNOWN_KEY: Self = Self::UnknownKey;
            const MISSING_KEY: Self = Self::MissingKey;
            const WRONG_TYPE: Self = Self::WrongType;
            const EMPTY_VALUE: Self = Self::EmptyValue;
            const BAD_VALUE: Self = Self::BadValue;
            const UNSUPPORTED: Self = Self::Unsupported;
            const ALL: &'static [Self] = &[
                Self::Syntax,
                Self::UnknownKey,
                Self::MissingKey,
                Self::WrongType,
                Self::EmptyValue,
                Self::BadValue,
                Self::Unsupported,
                $(Self::$variant,)*
            ];
        }

        impl ::std::fmt::Display for $code {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(match self {
                    Self::Syntax => concat!($prefix, "::syntax"),
                    Self::UnknownKey => concat!($prefix, "::unknown_key"),
                    Self::MissingKey => concat!($prefix, "::missing_key"),
                    Self::WrongType => concat!($prefix, "::wrong_type"),
                    Self::EmptyValue => concat!($prefix, "::empty_value"),
                    Self::BadValue => concat!($prefix, "::bad_value"),
                    Self::Unsupported => concat!($prefix, "::unsupported"),
                    $(Self::$variant => concat!($prefix, "::", $name),)*
                })
            }
        }
    };
}
