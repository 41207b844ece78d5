//! The types of problems that the shop answers: each declared once, with what it means and what a
//! client does about it.
//!
//! One list for all functions, since the gateway relays their problems and has to say what each of
//! them means. Clients hold on to the slugs, so one is never renamed or used for something else.

use http::StatusCode;

macro_rules! problem_types {
    ($($variant:ident {
        $slug:literal, $status:tt, $title:literal,
        $meaning:literal,
        $advice:literal $(,)?
    })*) => {
        /// Which problem it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemType { $(#[doc = $meaning] $variant,)* }

        impl ProblemType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The last part of its path, as `cart-full`.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The member `type` of such a problem: where the gateway describes it.
            pub fn path(self) -> &'static str {
                match self { $(Self::$variant => concat!("/problems/", $slug),)* }
            }

            /// The status that it is answered with; none where it goes with any from 400 to 499.
            pub fn status(self) -> Option<StatusCode> {
                match self { $(Self::$variant => problem_types!(@status $status),)* }
            }

            /// The same for every problem of this type, for people.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What has happened.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What a client does about it.
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
        "The request can't be understood: its path, query or header fields have a value that the \
         operation does not take.",
        "Correct what `detail` names. The same request fails again.",
    }
    AmbiguousPath {
        "ambiguous-path", BAD_REQUEST, "The path is ambiguous",
        "Two readers could understand the path differently: it has an empty segment, a dot \
         segment, an encoded slash or a character that must be encoded.",
        "Send the path in its plain form. It is not normalized here.",
    }
    UnknownParameter {
        "unknown-parameter", BAD_REQUEST, "There is no such query parameter",
        "The query has a parameter that the operation does not know. `parameter` names it.",
        "Remove it, or correct its name. The description of the API lists the parameters of each \
         operation.",
    }
    MalformedJson {
        "malformed-json", BAD_REQUEST, "The body is not JSON",
        "The body is not JSON, or one of its objects has a member twice.",
        "Correct the body at the line and column that `detail` names.",
    }
    MalformedEvent {
        "malformed-event", BAD_REQUEST, "The event is malformed",
        "The body is no event by the rules of CloudEvents 1.0.",
        "Correct the event as `detail` says. The same event fails again.",
    }
    InvalidGrant {
        "invalid-grant", BAD_REQUEST, "Invalid grant",
        "The authorization code or the refresh token has expired, was used, or belongs to another \
         client.",
        "Sign in again.",
    }
    Unauthorized {
        "unauthorized", UNAUTHORIZED, "Authentication required",
        "The request does not say who sends it, or says so in a way that is not taken here.",
        "Send what `WWW-Authenticate` asks for. `POST /api/v1/sessions` gives access tokens.",
    }
    InvalidToken {
        "invalid-token", UNAUTHORIZED, "The access token is not valid",
        "The access token has expired, was not signed by this shop, or is meant for somebody else.",
        "Get a new one with the refresh token, or sign in again.",
    }
    InvalidCredentials {
        "invalid-credentials", UNAUTHORIZED, "Wrong e-mail address or password",
        "No account has this e-mail address and password.",
        "Correct them, or ask for a new password: `POST /api/v1/password-resets`.",
    }
    Forbidden {
        "forbidden", FORBIDDEN, "Forbidden",
        "It is known who sends the request, and they may not do this: they lack a role.",
        "Let somebody do it who has the role. The same request fails again.",
    }
    InsufficientScope {
        "insufficient-scope", FORBIDDEN, "The access token is not good for this",
        "The token belongs to an application of somebody else, to which the person has not granted \
         the scope of this operation. Some operations have none.",
        "Ask for the scope in a new authorization. `x-scope` in the description of the API says \
         which one it is.",
    }
    WrongPassword {
        "wrong-password", FORBIDDEN, "Wrong password",
        "This change needs the password of the account, and another one was sent.",
        "Ask the person for it again.",
    }
    NotFound {
        "not-found", NOT_FOUND, "Not found",
        "There is no such thing, or not for this caller: what belongs to others looks as if it did \
         not exist.",
        "Check the path and the id in it.",
    }
    ResetTokenInvalid {
        "reset-token-invalid", NOT_FOUND, "The link is not good any more",
        "The link of the mail was used, has expired, or never was one.",
        "Ask for a new one: `POST /api/v1/password-resets`.",
    }
    MethodNotAllowed {
        "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed",
        "The path exists, but does not take this method.",
        "Use one of the methods in `Allow`.",
    }
    Conflict {
        "conflict", CONFLICT, "Conflict",
        "The state of the thing does not allow this. `detail` says why.",
        "Read it again, and decide anew.",
    }
    SkuTaken {
        "sku-taken", CONFLICT, "The SKU is taken",
        "Another product has this SKU.",
        "Choose another SKU, or change that product: `PUT /api/v1/products/{sku}`.",
    }
    CatalogFull {
        "catalog-full", CONFLICT, "The catalog is full",
        "There is no room for another product beside those whose SKUs fall into the same part of \
         the catalog.",
        "Remove products that are not sold any more, or choose another SKU.",
    }
    CartFull {
        "cart-full", CONFLICT, "The cart is full",
        "The cart has as many different products as a cart may have.",
        "Remove one of them, or order what is in it first.",
    }
    CartMergedTooOften {
        "cart-merged-too-often", CONFLICT, "Too many carts at once",
        "As many guests' carts have gone into this cart within a day as may.",
        "Put the products into the cart one by one, or try again on the next day.",
    }
    PriceChanged {
        "price-changed", CONFLICT, "The price has changed",
        "The total of the order is not the `expected_total` of the request. Nothing was ordered.",
        "Show the new `total` to the customer. If they agree, order again under a new idempotency \
         key.",
    }
    TooLate {
        "too-late", CONFLICT, "The order can't be canceled any more",
        "The order has gone too far to be canceled. `status_of_order` says how far.",
        "Do not try again.",
    }
    NotParked {
        "not-parked", CONFLICT, "The order is not parked",
        "Only an order that is parked, because it needs a decision of an operator, can be resumed.",
        "Look at the order first: `GET /api/v1/admin/orders/{id}/saga`.",
    }
    ManagedAccount {
        "managed-account", CONFLICT, "The account is managed by the settings",
        "The password of this account is a setting of the shop, and can't be changed here.",
        "Change the variable `admin_password`.",
    }
    TooManyKeys {
        "too-many-keys", CONFLICT, "There are too many signing keys",
        "Older keys are still needed to check the tokens that they have signed.",
        "Try again in an hour.",
    }
    RequestInFlight {
        "request-in-flight", CONFLICT, "A request with this idempotency key is at work",
        "The first request with this idempotency key has no answer yet.",
        "Send the same request again after `Retry-After`, and get its answer.",
    }
    PreconditionFailed {
        "precondition-failed", PRECONDITION_FAILED, "It has changed since you read it",
        "None of the tags in `If-Match` is the current `ETag` of the thing.",
        "Read it again, and decide anew.",
    }
    CartChanged {
        "cart-changed", PRECONDITION_FAILED, "The cart has changed",
        "The cart is not at the version in `If-Match`. `version` says at which one it is.",
        "Read the cart again, and repeat the change.",
    }
    BodyTooLarge {
        "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The body is longer than the operation reads. `detail` names the limit.",
        "Send less.",
    }
    UnsupportedMediaType {
        "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type",
        "`Content-Type` is none that the operation reads.",
        "Send the body as one of the types in `Accept` of this answer.",
    }
    InvalidBody {
        "invalid-body", UNPROCESSABLE_ENTITY, "The request body has faults",
        "Members of the body are missing, unknown or have values that are not allowed. `errors` \
         has an entry for each, with a JSON pointer to it.",
        "Correct all of them. The same body fails again.",
    }
    IdempotencyKeyReused {
        "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The idempotency key was used with another \
         body",
        "A request with this idempotency key came before, and its body was another one.",
        "Use a new key for another request. Repeat a request with its own body only.",
    }
    RequestIdReused {
        "request-id-reused", UNPROCESSABLE_ENTITY, "The request id is taken",
        "A message with this `request_id` came before, and its content was another one.",
        "Use a new `request_id` for another message.",
    }
    NoSuchMailbox {
        "no-such-mailbox", UNPROCESSABLE_ENTITY, "There is no such mailbox",
        "The sandbox of a mail provider has no mailbox with this address.",
        "Correct the address. The message is not sent.",
    }
    TooEarly {
        "too-early", TOO_EARLY, "Too early",
        "An earlier event of the same subject has not arrived yet.",
        "Deliver the event again after the earlier one.",
    }
    QuotaExceeded {
        "quota-exceeded", TOO_MANY_REQUESTS, "Too many requests",
        "The person or the address has sent as many requests as its quota has. `violated-policies` \
         names the quota.",
        "Wait for the seconds in `Retry-After`. `RateLimit` in other answers says what is left.",
    }
    TooManyStreams {
        "too-many-streams", TOO_MANY_REQUESTS, "Too many event streams",
        "The person has `streams_max` event streams open, as many as one may.",
        "Close one of them, or try again after `Retry-After`.",
    }
    Refused {
        "refused", _, "The request is refused",
        "A part of the shop refused the request without saying more than the status does.",
        "Do what the status asks for. The same request fails again.",
    }
    Internal {
        "internal", INTERNAL_SERVER_ERROR, "Internal error",
        "A part of the shop failed. Its log says why, under the `request_id` of the problem.",
        "Try again later, with the same idempotency key if the operation takes one. If it fails \
         again, tell those who run the shop the `request_id`.",
    }
    ImportStopped {
        "import-stopped", BAD_GATEWAY, "The import stopped",
        "The shop did not take one of the products. What came before it is imported.",
        "Correct what `detail` names, and import again: it goes on from there.",
    }
    UpstreamFailed {
        "upstream-failed", BAD_GATEWAY, "The part of the shop that answers this failed",
        "It failed while it answered. It is not known whether the request was carried out.",
        "Send the request again after `Retry-After`, with the same idempotency key if the \
         operation takes one.",
    }
    Unavailable {
        "unavailable", SERVICE_UNAVAILABLE, "Temporarily unavailable",
        "A part of the shop can't work now: it is down or has too much to do, or something that it \
         needs is. Nothing was done.",
        "Send the request again after `Retry-After`, with the same idempotency key if the \
         operation takes one.",
    }
    TooManyUnfinished {
        "too-many-unfinished", SERVICE_UNAVAILABLE, "Too much is unfinished",
        "As many orders, or other things of one kind, wait to be finished as may: \
         `unfinished_max`. Nothing was done.",
        "Send the request again after `Retry-After`, with the same idempotency key if the \
         operation takes one.",
    }
    GuestCartsFull {
        "guest-carts-full", SERVICE_UNAVAILABLE, "There are too many guests' carts",
        "As many carts of people who have not signed in are kept as may: `guest_carts_max`. Carts of \
         users are not concerned.",
        "Let the person sign in, or try again after `Retry-After`: carts that are not used end by \
         themselves.",
    }
    ProjectionBehind {
        "projection-behind", SERVICE_UNAVAILABLE, "The projection is behind",
        "The event of `X-Projection-Position`, whose effect the answer should show, has not \
         arrived yet.",
        "Try again after `Retry-After`, or leave out the field and read what is there.",
    }
    UpstreamTimeout {
        "upstream-timeout", GATEWAY_TIMEOUT, "No answer in time",
        "The part of the shop that answers this took too long. It is not known whether the request \
         was carried out.",
        "Send the request again after `Retry-After`, with the same idempotency key if the \
         operation takes one.",
    }
    StoreFull {
        "store-full", INSUFFICIENT_STORAGE, "There is no room for this now",
        "A store of the shop is full. Nothing was changed, and nothing is lost.",
        "Try again after `Retry-After`. Those who run the shop have to make room.",
    }
}
