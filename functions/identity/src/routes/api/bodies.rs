//! Bodies of requests.

use schemars::JsonSchema;

use crate::domain::email::ADDRESS_BYTES_MAX;
use crate::domain::user::{LANGUAGE_BYTES_MAX, NAME_CHARS_MAX};
use crate::routes::users::{SharedUser, UserView};

/// A new account.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Registration {
    #[schemars(email, length(max = ADDRESS_BYTES_MAX))]
    email: String,
    /// At least 8 characters and at most 128 bytes; not common, and not derived from the address or
    /// the name.
    password: NewPassword,
    /// Control, bidirectional and zero-width characters are not allowed.
    #[schemars(length(min = 1, max = NAME_CHARS_MAX))]
    name: String,
    /// BCP 47 tag of the language for messages; `en` if left out.
    language: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(inline, extend("format" = "password"))]
pub(super) struct NewPassword(#[schemars(length(min = 8))] String);

#[derive(JsonSchema)]
#[schemars(inline, extend("format" = "password"))]
pub(super) struct Password(String);

/// Changes of an account. What is left out stays as it is.
#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct UserChange {
    #[schemars(length(min = 1, max = NAME_CHARS_MAX))]
    name: Option<String>,
    /// BCP 47 tag.
    #[schemars(length(max = LANGUAGE_BYTES_MAX))]
    language: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct Deletion {
    password: Password,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct PasswordChange {
    current_password: Password,
    new_password: NewPassword,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct ResetRequest {
    #[schemars(length(max = ADDRESS_BYTES_MAX))]
    email: String,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct PasswordReset {
    new_password: NewPassword,
}

/// E-mail address and password.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Credentials {
    #[schemars(length(max = ADDRESS_BYTES_MAX))]
    email: String,
    password: Password,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct Rotation {
    compromised: Option<bool>,
}

/// The owner of an account sees all of it.
#[derive(JsonSchema)]
#[schemars(inline, untagged, description = "")]
pub(super) enum CurrentUser {
    Own(UserView<'static>),
    Shared(SharedUser),
}

/// A body without members.
#[derive(JsonSchema)]
#[schemars(inline, description = "")]
pub(super) struct Empty {}
