//! SHA-256 digests that name things, as 64 hexadecimal digits.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;

/// The digits of a name that are shown to people.
const SHORT_LENGTH: usize = 12;

/// Declares a name.
macro_rules! name {
    ($(#[doc = $doc:literal])+ $Name:ident) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub(crate) struct $Name(Arc<str>);

        impl $Name {
            pub(crate) fn of(bytes: impl AsRef<[u8]>) -> Self {
                Self(hexadecimal(&Sha256::digest(bytes)).into())
            }

            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// The first digits, for people.
        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0.get(..SHORT_LENGTH).unwrap_or(&self.0))
            }
        }

        impl TryFrom<String> for $Name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                checked(text).map(|text| Self(text.into()))
            }
        }

        impl From<$Name> for String {
            fn from(name: $Name) -> Self {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name! {
    /// The code of a component.
    CodeId
}
name! {
    /// The configuration of a component. It says nothing about secrets in it to those who do not
    /// have the key of the state directory.
    SettingsId
}
name! {
    /// A revision of a component: its code and its configuration.
    RevisionId
}

/// The digest of a secret, for those who compare two of them.
pub(super) fn of_secret(key: &str, secret: &str) -> String {
    // The key has a fixed length, so that no two pairs are the same text.
    hexadecimal(&Sha256::digest(format!("{key}{secret}")))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn checked(text: String) -> Result<String, String> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match text.len() == 64 && text.bytes().all(is_digit) {
        true => Ok(text),
        false => Err(format!("`{text}` is no digest: write 64 hexadecimal digits")),
    }
}
