//! OAuth 2 and OpenID Connect.

use chassis::openapi::{Api, Operation};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::bodies::Empty;
use super::tokens;
use crate::routes::discovery::{KeySet, document};
use crate::routes::errors::ErrorView;
use crate::service::Tokens;

const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const REFRESH_TOKEN: &str = "usr_0192f0c0-1b2c-7d3e-8f40-516273849501.ses_0192f0c1-7a10-7c3e-9d5b-\
                             2f1f5f0a9c12.0.c2VjcmV0.dGFn";

#[derive(JsonSchema)]
struct AuthorizationRequest {
    /// Only `code`.
    #[schemars(extend("const" = "code"))]
    response_type: String,
    /// A registered application.
    client_id: String,
    /// One of its registered addresses.
    #[schemars(url)]
    redirect_uri: String,
    /// PKCE: base64url of SHA-256 of the verifier.
    code_challenge: String,
    /// Only `S256`.
    #[schemars(extend("const" = "S256"))]
    code_challenge_method: String,
    /// Returned unchanged.
    #[schemars(length(max = 2048))]
    state: Option<String>,
    /// A subset of `openid profile email orders:read`. Scopes that the application may not request
    /// are ignored.
    scope: Option<String>,
    /// Included in the ID token.
    #[schemars(length(max = 2048))]
    nonce: Option<String>,
    /// `none` gets login_required.
    prompt: Option<String>,
}

/// A refresh token or an authorization code.
#[derive(JsonSchema)]
struct TokenRequest {
    grant_type: GrantType,
    /// With grant_type refresh_token.
    refresh_token: Option<String>,
    /// The client id of a third-party application. Required with grant_type authorization_code.
    client_id: Option<String>,
    /// With grant_type authorization_code.
    code: Option<String>,
    /// The one that the code was requested with.
    #[schemars(url)]
    redirect_uri: Option<String>,
    /// PKCE (RFC 7636).
    #[schemars(length(min = 43, max = 128))]
    code_verifier: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
enum GrantType {
    RefreshToken,
    AuthorizationCode,
}

/// A token to be revoked.
#[derive(JsonSchema)]
struct Revocation {
    /// A refresh token.
    token: String,
    token_type_hint: Option<String>,
}

/// OpenID Connect Discovery and RFC 8414. Other members are possible.
#[derive(JsonSchema)]
struct Configuration {
    #[schemars(url)]
    issuer: String,
    #[schemars(url)]
    authorization_endpoint: String,
    #[schemars(url)]
    token_endpoint: String,
    #[schemars(url)]
    revocation_endpoint: String,
    #[schemars(url)]
    jwks_uri: String,
    response_types_supported: Vec<String>,
    code_challenge_methods_supported: Vec<String>,
}

/// A problem, as all components return it.
#[derive(JsonSchema)]
#[schemars(rename = "Problem")]
struct AnyProblem {}

pub(super) fn pages_and_tokens(api: &mut Api) {
    api.operation(
        "showSignIn",
        "Show the sign-in and consent page",
        "For third-party applications: OAuth 2 authorization code with PKCE (S256 only). The \
         client and its redirect URI must be registered, character by character.",
    )
    .query::<AuthorizationRequest>()
    .empty(200, "The page.")
    .content::<String>("text/html", &Value::Null)
    .empty(303, "Redirect to the application, with `error`, `state` and `iss`.")
    .headers(["Location"])
    .empty(400, "The client or its redirect URI is not registered.")
    .content::<String>("text/html", &Value::Null);
    api.operation(
        "submitSignIn",
        "Sign in to a third-party application",
        "The submitted form, with `decision` set to `allow` or `deny`. A consent is remembered \
         and can be withdrawn.",
    )
    .body_as::<Empty>(FORM, &Value::Null)
    .empty(303, "Redirect to the application, with `code`, `state` and `iss`.")
    .headers(["Location"])
    .empty(400, "The client or its redirect URI is not registered.")
    .content::<String>("text/html", &Value::Null)
    .empty(403, "The page again: wrong address or password.")
    .content::<String>("text/html", &Value::Null)
    .empty(429, "The page again, or a problem, because there were too many attempts.")
    .content::<String>("text/html", &Value::Null)
    .content::<AnyProblem>("application/problem+json", &Value::Null)
    .headers(["X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"])
    .empty(
        503,
        "The page again, or a problem, because too many users are signing in or a service is \
         unavailable.",
    )
    .content::<String>("text/html", &Value::Null)
    .content::<AnyProblem>("application/problem+json", &Value::Null)
    .headers(["X-Request-Id", "Retry-After"]);
    refusable(
        api.operation(
            "requestTokens",
            "Refresh or redeem tokens",
            "Exchanges a refresh token for its successor (using one twice ends the session), or an \
             authorization code for tokens, once. Accepts forms and JSON.",
        )
        .body_as::<TokenRequest>(FORM, &refresh())
        .body::<TokenRequest>(&refresh())
        .ok::<Tokens>("Tokens.", &tokens())
        .headers(["Cache-Control"]),
    );
    refusable(
        api.operation(
            "revokeToken",
            "Sign out",
            "Ends the session of a refresh token (RFC 7009). The response is the same for unknown \
             tokens.",
        )
        .body_as::<Revocation>(FORM, &revocation())
        .body::<Revocation>(&revocation())
        .empty(200, "The token is not valid."),
    );
}

pub(super) fn discovery(api: &mut Api) {
    api.operation("getConfiguration", "Get the OpenID configuration", "OpenID Connect Discovery.")
        .ok::<Configuration>("The document.", &document("https://shop.example"));
    api.operation(
        "getKeys",
        "List public keys",
        "The keys with which access tokens and ID tokens are verified.",
    )
    .ok::<KeySet>(
        "The valid keys, newest first.",
        &json!({
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "alg": "EdDSA",
                    "use": "sig",
                    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                },
            ],
        }),
    );
}

/// A request that is refused with an error of OAuth 2.
fn refusable(operation: Operation<'_>) {
    let error = json!({
        "error": "invalid_grant",
        "error_description": "The refresh token is not valid.",
    });
    [400, 401].into_iter().fold(operation, |operation, status| {
        operation
            .json::<ErrorView>(status, "An error of RFC 6749, section 5.2.", &error)
            .headers(["X-Request-Id", "Cache-Control"])
    });
}

fn refresh() -> Value {
    json!({"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN})
}

fn revocation() -> Value {
    json!({"token": REFRESH_TOKEN})
}
