//! The operations of accounts, sessions and OAuth 2.
#![allow(dead_code, reason = "these types only describe what is sent")]

mod bodies;
mod oauth;

use chassis::openapi::{Api, Operation};
use chassis::page::Page;
use serde_json::{Value, json};

use self::bodies::{
    Credentials, CurrentUser, Deletion, Empty, PasswordChange, PasswordReset, Registration,
    ResetRequest, Rotation, UserChange,
};
use self::oauth::REFRESH_TOKEN;
use super::applications::ApplicationView;
use super::keys::SigningKeys;
use super::users::{Registered, UserView};
use crate::service::{Error, Tokens};

fn api() -> Api {
    let mut api = Api::new("identity");
    accounts(&mut api);
    passwords(&mut api);
    sessions(&mut api);
    applications(&mut api);
    oauth::pages_and_tokens(&mut api);
    oauth::discovery(&mut api);
    keys(&mut api);
    api
}

fn accounts(api: &mut Api) {
    api.operation(
        "registerUser",
        "Register",
        "Creates an account with the role customer. The user can sign in immediately. The \
         response is the same if the address already has an account; nothing is changed then, and \
         its owner gets a mail. A password must have at least 8 characters and at most 128 bytes. \
         It must not be common and must not be derived from the address or the name.",
    )
    .body::<Registration>(&json!({
        "email": "ada@example.org",
        "password": "correct horse battery",
        "name": "Ada Lovelace",
        "language": "en",
    }))
    .json::<Registered>(
        202,
        "Accepted.",
        &json!({"email": "ada@example.org", "name": "Ada Lovelace", "language": "en"}),
    )
    .problems([422]);
    api.operation(
        "getCurrentUser",
        "Get the own account",
        "The account of the access token. A third-party application needs the scope `openid` and \
         sees the id. With `profile` it also sees name and language, and with `email` the address.",
    )
    .ok::<CurrentUser>("The account.", &user())
    .headers(["ETag"]);
    api.operation(
        "changeCurrentUser",
        "Change the own account",
        "Members that are left out stay as they are. Components with a copy of the account \
         receive the change.",
    )
    .parameters(["IfMatch"])
    .body::<UserChange>(&json!({"language": "pt-BR"}))
    .ok::<UserView>("The account.", &user())
    .headers(["ETag"])
    .problems([412, 422]);
    let operation = api
        .operation(
            "deleteCurrentUser",
            "Delete the own account",
            "Ends all sessions, releases the e-mail address, and erases personal data in all \
         services: name, e-mail address and language, also in published events; cart, messages, \
         preferences and purchase history for recommendations; the postal address and the payment \
         token of finished orders, and of other orders when they finish. Orders, payments and \
         shipments are kept for accounting, with the id of the deleted account only. Access tokens \
         stay valid until they expire; data that is created with them is erased, too. Responses \
         that were stored for idempotency keys are deleted within a day.",
        )
        .body::<Deletion>(&json!({"password": "correct horse battery"}))
        .empty(204, "The account was deleted.");
    password_problems(operation);
}

/// The problems of an operation that checks the password of the caller.
fn password_problems(operation: Operation<'_>) {
    operation
        .problem(
            "The password is wrong, or the token was issued to a third-party application.",
            &Error::WrongPassword.into(),
        )
        .problem("The account is managed by configuration.", &Error::Managed.into())
        .problems([422]);
}

fn passwords(api: &mut Api) {
    let operation = api.operation(
        "changePassword",
        "Change the own password",
        "Ends all sessions, including the current one: sign in again. The owner gets a mail about \
         the change.",
    )
    .body::<PasswordChange>(&json!({
        "current_password": "correct horse battery",
        "new_password": "four unrelated words here",
    }))
    .empty(204, "The password was changed.");
    password_problems(operation);
    api.operation(
        "requestPasswordReset",
        "Request a password reset link",
        "If the address has an account, its owner gets a mail with a link that can be used once \
         within 30 minutes. The response is the same if it has none.",
    )
    .body::<ResetRequest>(&json!({"email": "ada@example.org"}))
    .json::<Empty>(202, "Accepted.", &json!({}))
    .problems([422]);
    api.operation(
        "resetPassword",
        "Reset a password",
        "Sets a new password with the token from the link and ends all sessions. Sign in with the \
         new password.",
    )
    .body::<PasswordReset>(&json!({"new_password": "four unrelated words here"}))
    .empty(204, "The password was reset.")
    .problem("The token is unknown, used or expired.", &Error::BadReset.into())
    .problems([422]);
}

fn sessions(api: &mut Api) {
    api.operation("openSession", "Sign in", "Exchanges address and password for tokens.")
        .body::<Credentials>(
            &json!({"email": "ada@example.org", "password": "correct horse battery"}),
        )
        .ok::<Tokens>("Tokens.", &tokens())
        .headers(["Cache-Control"])
        .problem("No account has this address and password.", &Error::WrongCredentials.into())
        .problems([422]);
    api.operation(
        "endSessions",
        "Sign out everywhere",
        "Ends all sessions of the account: the current one, those on other devices, and those of \
         third-party applications, including their pending authorization codes. Consents stay. \
         Access tokens can't be revoked: each is valid until it expires, 15 minutes after it was \
         issued.",
    )
    .empty(204, "All sessions have ended. Sign in again.");
}

fn applications(api: &mut Api) {
    api.operation(
        "listApplications",
        "List authorized applications",
        "Third-party applications that the user has authorized, with their scopes, newest first.",
    )
    .ok::<Page<ApplicationView>>(
        "All authorized applications.",
        &json!({
            "items": [
                {
                    "client_id": "comparison-site",
                    "name": "Comparison site",
                    "scopes": ["openid", "orders:read"],
                    "granted_at": "2026-01-31T12:00:00.000Z",
                },
            ],
            "next_cursor": null,
        }),
    )
    .headers(["Cache-Control"]);
    api.operation(
        "withdrawApplication",
        "Revoke an application's access",
        "Ends its sessions and removes the consent. Its access tokens stay valid until they \
         expire, within 15 minutes.",
    )
    .empty(204, "The access was revoked.");
}

fn keys(api: &mut Api) {
    api.operation(
        "listSigningKeys",
        "List signing keys",
        "The keys that tokens are signed with, newest first: published but not yet signing, \
         signing, or only still accepted.",
    )
    .ok::<SigningKeys>("All signing keys.", &signing_keys());
    api.operation(
        "rotateSigningKeys",
        "Renew the signing key",
        "Publishes a new key, which starts to sign two hours later. The old key is accepted for \
         one more hour. This also happens automatically every 30 days. With `compromised`, the new \
         key signs immediately and no other key is accepted: all access tokens become invalid, and \
         sessions continue.",
    )
    .body::<Rotation>(&json!({"compromised": false}))
    .ok::<SigningKeys>("The current keys.", &signing_keys())
    .problem("Too many signing keys exist.", &Error::TooManyKeys.into())
    .problems([422]);
}

fn user() -> Value {
    json!({
        "id": "usr_0192f0c0-1b2c-7d3e-8f40-516273849501",
        "email": "ada@example.org",
        "name": "Ada Lovelace",
        "language": "en",
        "roles": ["customer"],
        "created_at": "2026-01-31T12:00:00.000Z",
    })
}

fn tokens() -> Value {
    json!({
        "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsifQ.e30.c2ln",
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": REFRESH_TOKEN,
    })
}

fn signing_keys() -> Value {
    json!({
        "items": [
            {
                "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                "state": "signing",
                "created_at": "2026-01-31T12:00:00.000Z",
            },
        ],
        "next_cursor": null,
        "believed_after_ms": 3600000,
    })
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
