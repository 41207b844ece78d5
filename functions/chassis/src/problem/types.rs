//! The problem types of the shop. Each is declared once, with its meaning and with advice for
//! clients.
//!
//! There is one list for all functions, because the gateway relays their problems and documents
//! each type. Clients compare the slugs, so a slug is never renamed or reused.

use http::StatusCode;

macro_rules! problem_types {
    ($($variant:ident {
        $slug:literal, $status:tt, $title:literal,
        $meaning:literal,
        $advice:literal $(,)?
    })*) => {
        /// The type of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemType { $(#[doc = $meaning] $variant,)* }

        impl ProblemType {
            /// All types.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The last part of the path, for example `cart-full`.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The member `type` of such a problem: the path of its documentation at the gateway.
            pub fn path(self) -> &'static str {
                match self { $(Self::$variant => concat!("/problems/", $slug),)* }
            }

            /// The HTTP status; `None` if it can be any from 400 to 499.
            pub fn status(self) -> Option<StatusCode> {
                match self { $(Self::$variant => problem_types!(@status $status),)* }
            }

            /// The title, the same for every problem of this type.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What happened.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What a client can do about it.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }
    };
    (@status _) => { None };
    (@status $status:ident) => { Some(StatusCode::$status) };
}

problem_types! {
    BadRequest {
        "bad-request", BAD_REQUEST, "Bad request",
        "The path, the query or a header field of the request has a value that the operation does \
         not accept.",
        "Correct what `detail` names. Repeating the same request does not help.",
    }
    AmbiguousPath {
        "ambiguous-path", BAD_REQUEST, "The path is ambiguous",
        "Parsers can disagree about the path: it has an empty segment, a dot segment, an encoded \
         slash or a character that must be encoded.",
        "Send the path in its normalized form. The gateway does not normalize paths.",
    }
    UnknownParameter {
        "unknown-parameter", BAD_REQUEST, "Unknown query parameter",
        "The query has a parameter that the operation does not know. `parameter` names it.",
        "Remove it, or correct its name. The OpenAPI description lists the parameters of each \
         operation.",
    }
    MalformedJson {
        "malformed-json", BAD_REQUEST, "The body is not valid JSON",
        "The body is not valid JSON, or one of its objects has a duplicate member.",
        "Correct the body at the line and column that `detail` names.",
    }
    MalformedEvent {
        "malformed-event", BAD_REQUEST, "The event is malformed",
        "The body is not a valid CloudEvents 1.0 event.",
        "Correct the event as `detail` says. Repeating the same event does not help.",
    }
    InvalidGrant {
        "invalid-grant", BAD_REQUEST, "Invalid grant",
        "The authorization code or the refresh token has expired, was used, or belongs to another \
         client.",
        "Sign in again.",
    }
    Unauthorized {
        "unauthorized", UNAUTHORIZED, "Authentication required",
        "The request has no credentials, or credentials of a kind that is not accepted here.",
        "Send the credentials that `WWW-Authenticate` asks for. `POST /api/v1/sessions` returns \
         access tokens.",
    }
    InvalidToken {
        "invalid-token", UNAUTHORIZED, "The access token is not valid",
        "The access token has expired, was not signed by this shop, or is for a different \
         audience.",
        "Get a new one with the refresh token, or sign in again.",
    }
    InvalidCredentials {
        "invalid-credentials", UNAUTHORIZED, "Wrong e-mail address or password",
        "No account has this e-mail address and password.",
        "Correct them, or request a password reset: `POST /api/v1/password-resets`.",
    }
    Forbidden {
        "forbidden", FORBIDDEN, "Forbidden",
        "The caller is authenticated but lacks the role that the operation requires.",
        "Use an account that has the role. Repeating the same request does not help.",
    }
    InsufficientScope {
        "insufficient-scope", FORBIDDEN, "The access token lacks a scope",
        "The token was issued to a third-party application, and the user has not granted it the \
         scope of this operation. Some operations have no scope and are closed to such \
         applications.",
        "Request the scope in a new authorization. `x-scope` in the OpenAPI description names it.",
    }
    WrongPassword {
        "wrong-password", FORBIDDEN, "Wrong password",
        "This change needs the password of the account, and the password that was sent is wrong.",
        "Ask the user for the password again.",
    }
    NotFound {
        "not-found", NOT_FOUND, "Not found",
        "The resource does not exist, or the caller may not see it. Both cases look the same.",
        "Check the path and the id in it.",
    }
    ResetTokenInvalid {
        "reset-token-invalid", NOT_FOUND, "The link is no longer valid",
        "The token of the link is unknown, has expired or was already used.",
        "Request a new link: `POST /api/v1/password-resets`.",
    }
    MethodNotAllowed {
        "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed",
        "The path exists but does not support this method.",
        "Use one of the methods in `Allow`.",
    }
    Conflict {
        "conflict", CONFLICT, "Conflict",
        "The state of the resource does not allow this operation. `detail` says why.",
        "Read the resource again, and then decide how to proceed.",
    }
    SkuTaken {
        "sku-taken", CONFLICT, "The SKU is taken",
        "Another product has this SKU.",
        "Choose another SKU, or change that product: `PUT /api/v1/products/{sku}`.",
    }
    CatalogFull {
        "catalog-full", CONFLICT, "The catalog is full",
        "The part of the catalog that this SKU belongs to has no room for another product.",
        "Remove products that are no longer sold, or choose another SKU.",
    }
    CartFull {
        "cart-full", CONFLICT, "The cart is full",
        "The cart holds the maximum number of different products.",
        "Remove a product, or order the contents of the cart first.",
    }
    CartMergedTooOften {
        "cart-merged-too-often", CONFLICT, "Too many guest carts were merged",
        "The maximum number of guest carts was merged into this cart within a day.",
        "Add the products to the cart one by one, or try again the next day.",
    }
    PriceChanged {
        "price-changed", CONFLICT, "The price has changed",
        "The total of the order differs from `expected_total` of the request. Nothing was ordered.",
        "Show the new `total` to the customer. If they agree, order again under a new idempotency \
         key.",
    }
    TooLate {
        "too-late", CONFLICT, "The order can no longer be canceled",
        "The order has progressed too far to be canceled. `status_of_order` is its current status.",
        "Do not try again.",
    }
    NotParked {
        "not-parked", CONFLICT, "The order is not parked",
        "Only a parked order, which waits for a decision of an operator, can be resumed.",
        "Inspect the order first: `GET /api/v1/admin/orders/{id}/saga`.",
    }
    ManagedAccount {
        "managed-account", CONFLICT, "The account is managed by configuration",
        "The password of this account is a variable of the shop and can't be changed through the \
         API.",
        "Change the variable `admin_password`.",
    }
    TooManyKeys {
        "too-many-keys", CONFLICT, "Too many signing keys",
        "Older keys are still needed to verify tokens that they have signed.",
        "Try again in an hour.",
    }
    RequestInFlight {
        "request-in-flight", CONFLICT, "A request with this idempotency key is in progress",
        "The first request with this idempotency key is still being processed.",
        "Repeat the request after `Retry-After` to get the response of the first one.",
    }
    PreconditionFailed {
        "precondition-failed", PRECONDITION_FAILED, "The resource has changed",
        "None of the entity tags in `If-Match` is the current `ETag` of the resource.",
        "Read the resource again, and then decide how to proceed.",
    }
    CartChanged {
        "cart-changed", PRECONDITION_FAILED, "The cart has changed",
        "The cart is not at the version in `If-Match`. `version` is its current version.",
        "Read the cart again, and repeat the change.",
    }
    BodyTooLarge {
        "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The body is longer than the operation accepts. `detail` names the limit.",
        "Send a shorter body.",
    }
    UnsupportedMediaType {
        "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type",
        "The operation does not support the media type in `Content-Type`.",
        "Send the body as one of the types in `Accept` of this response.",
    }
    InvalidBody {
        "invalid-body", UNPROCESSABLE_ENTITY, "The request body is invalid",
        "Members of the body are missing, unknown or have values that are not allowed. `errors` \
         has an entry for each, with a JSON pointer to it.",
        "Correct all of them. Repeating the same body does not help.",
    }
    IdempotencyKeyReused {
        "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The idempotency key was used with a \
                                                         different body",
        "An earlier request with this idempotency key had a different body.",
        "Use a new key for each new request, and repeat a request only with the same body.",
    }
    RequestIdReused {
        "request-id-reused", UNPROCESSABLE_ENTITY, "The request id is taken",
        "An earlier message with this `request_id` had different content.",
        "Use a new `request_id` for each new message.",
    }
    NoSuchMailbox {
        "no-such-mailbox", UNPROCESSABLE_ENTITY, "Unknown mailbox",
        "The sandbox of the mail provider has no mailbox with this address.",
        "Correct the address. The message is not sent.",
    }
    TooEarly {
        "too-early", TOO_EARLY, "Too early",
        "An earlier event of the same subject has not arrived yet.",
        "Deliver the event again after the earlier one was accepted.",
    }
    QuotaExceeded {
        "quota-exceeded", TOO_MANY_REQUESTS, "Too many requests",
        "The quota of the user or of the address is used up. `violated-policies` names the quota.",
        "Wait for the seconds in `Retry-After`. `RateLimit` in other responses says what is left.",
    }
    TooManyStreams {
        "too-many-streams", TOO_MANY_REQUESTS, "Too many event streams",
        "The user has `streams_max` event streams open, which is the maximum.",
        "Close one of them, or try again after `Retry-After`.",
    }
    Refused {
        "refused", _, "The request was refused",
        "A service of the shop refused the request without details beyond the status.",
        "Handle it by its status. Repeating the same request does not help.",
    }
    Internal {
        "internal", INTERNAL_SERVER_ERROR, "Internal error",
        "A service of the shop failed. Its log has the reason under the `request_id` of the \
         problem.",
        "Try again later, with the same idempotency key if the operation takes one. If it fails \
         again, report the `request_id` to the operator of the shop.",
    }
    ImportStopped {
        "import-stopped", BAD_GATEWAY, "The import stopped",
        "The shop refused one of the products. The products before it were imported.",
        "Correct what `detail` names, and start the import again. It continues from there.",
    }
    UpstreamFailed {
        "upstream-failed", BAD_GATEWAY, "The upstream service failed",
        "The service failed while it processed the request. It is unknown whether the request took \
         effect.",
        "Send the request again after `Retry-After`, with the same idempotency key if the \
         operation takes one.",
    }
    Unavailable {
        "unavailable", SERVICE_UNAVAILABLE, "Temporarily unavailable",
        "A service of the shop, or one that it depends on, is down or overloaded. The request had \
         no effect.",
        "Send the request again after `Retry-After`, with the same idempotency key if the \
         operation takes one.",
    }
    TooManyUnfinished {
        "too-many-unfinished", SERVICE_UNAVAILABLE, "Too many unfinished orders or tasks",
        "`unfinished_max` orders, or other tasks of one kind, are unfinished, which is the \
         maximum. The request had no effect.",
        "Send the request again after `Retry-After`, with the same idempotency key if the \
         operation takes one.",
    }
    GuestCartsFull {
        "guest-carts-full", SERVICE_UNAVAILABLE, "Too many guest carts",
        "The shop keeps `guest_carts_max` carts of visitors who have not signed in, which is the \
         maximum. Carts of users are not affected.",
        "Let the person sign in, or try again after `Retry-After`: carts that are not used end by \
         themselves.",
    }
    ProjectionBehind {
        "projection-behind", SERVICE_UNAVAILABLE, "The projection is behind",
        "The projection has not yet processed the event that `X-Projection-Position` names.",
        "Try again after `Retry-After`, or omit the header field to read the current state.",
    }
    UpstreamTimeout {
        "upstream-timeout", GATEWAY_TIMEOUT, "The upstream service timed out",
        "The service did not respond in time. It is unknown whether the request took effect.",
        "Send the request again after `Retry-After`, with the same idempotency key if the \
         operation takes one.",
    }
    StoreFull {
        "store-full", INSUFFICIENT_STORAGE, "The store is full",
        "A store of the shop is full. Nothing was changed, and no data was lost.",
        "Try again after `Retry-After`. The operator of the shop has to free space.",
    }
}
