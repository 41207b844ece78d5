//! The operations of the gateway, and what operations of all components share.
#![allow(dead_code, reason = "these types only describe what is sent")]

use std::collections::BTreeMap;

use chassis::money::Money;
use chassis::openapi::{Api, Sku, Time};
use chassis::page::Page;
use chassis::{Problem, ProblemType};
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::problems::ProblemTypeView;

const HEALTH: &str = "application/health+json";

/// The health of the shop, or of the gateway alone.
#[derive(JsonSchema)]
struct Health {
    status: HealthStatus,
    #[schemars(skip_serializing_if = "Option::is_none")]
    checks: Option<BTreeMap<String, Vec<Object>>>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
enum HealthStatus {
    Pass,
    Fail,
}

/// Any object.
#[derive(JsonSchema)]
#[schemars(inline, description = "")]
struct Object {}

/// RFC 9457. Other members are possible.
#[derive(JsonSchema)]
#[schemars(rename = "Problem")]
struct ProblemBody {
    /// Identifies the problem type. Clients compare it, not the texts. It is the path of the
    /// documentation of the type.
    #[schemars(extend("format" = "uri-reference"))]
    r#type: String,
    /// The title of the problem type, for people.
    title: String,
    /// The status of the response.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What is wrong this time, for people.
    #[schemars(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// One entry for each fault of the request body.
    #[schemars(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<Fault>>,
    /// Identifies the request in the logs.
    #[schemars(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// A fault of a request body.
#[derive(JsonSchema)]
struct Fault {
    /// JSON pointer (RFC 6901) to the member at fault; empty for the whole body.
    pointer: String,
    /// What is wrong with it and what would be right.
    detail: String,
}

fn api() -> Api {
    let mut api = Api::new("platform");
    health(&mut api);
    documents(&mut api);
    shared(&mut api);
    refusals(&mut api);
    failures(&mut api);
    api
}

/// The schemas that operations of all components share.
fn shared(api: &mut Api) {
    api.shared::<Money>();
    api.shared::<Sku>();
    api.shared::<Time>();
    api.shared::<ProblemBody>();
}

fn health(api: &mut Api) {
    api.operation("getLiveness", "Check liveness", "Checks only the gateway itself.")
        .empty(200, "The gateway is alive.")
        .content::<Health>(HEALTH, &json!({"status": "pass"}));
    api.operation(
        "getReadiness",
        "Check readiness",
        "Checks every component that the shop requires.",
    )
    .empty(200, "All required components are ready.")
    .content::<Health>(
        HEALTH,
        &json!({
            "status": "pass",
            "checks": {
                "orders:readiness": [
                    {
                        "componentType": "component",
                        "status": "pass",
                        "time": "2026-01-31T12:00:00.000Z",
                    },
                ],
            },
        }),
    )
    .empty(503, "One or more required components are not ready.")
    .content::<Health>(
        HEALTH,
        &json!({
            "status": "fail",
            "checks": {
                "orders:readiness": [
                    {
                        "componentType": "component",
                        "status": "fail",
                        "time": "2026-01-31T12:00:00.000Z",
                    },
                ],
            },
        }),
    );
}

fn documents(api: &mut Api) {
    api.operation(
        "getDescription",
        "Get this document",
        "The description of the API, in OpenAPI 3.1.",
    )
    .ok::<Object>("The document.", &Value::Null);
    api.operation(
        "listProblemTypes",
        "List problem types",
        "All values of `type` in problems. Returns JSON if `Accept` prefers it, and an HTML page \
         otherwise.",
    )
    .ok::<Page<ProblemTypeView>>(
        "All problem types.",
        &json!({"items": [problem_type()], "next_cursor": null}),
    )
    .content::<String>("text/html", &Value::Null);
    api.operation(
        "getProblemType",
        "Get a problem type",
        "The documentation of a problem type: what happened, and what a client can do about it. \
         Returns JSON if `Accept` prefers it, and an HTML page otherwise.",
    )
    .ok::<ProblemTypeView>("The problem type.", &problem_type())
    .content::<String>("text/html", &Value::Null)
    .problems([404]);
}

/// Requests that are refused.
fn refusals(api: &mut Api) {
    api.response(
        "BadRequest",
        "The request is malformed.",
        &Problem::new(ProblemType::BadRequest).detail("limit must be a number from 1 to 100."),
    );
    api.response(
        "Unauthorized",
        "No valid access token.",
        &Problem::new(ProblemType::Unauthorized)
            .detail("Send an access token: Authorization: Bearer …"),
    );
    api.response(
        "Forbidden",
        "The role `admin` is missing.",
        &Problem::new(ProblemType::Forbidden).detail("This needs the role admin."),
    );
    api.response(
        "NotFound",
        "The resource does not exist, or not for this caller.",
        &Problem::new(ProblemType::NotFound)
            .detail("No product has the SKU TEA-9999.")
            .extension("request_id", "req_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c13"),
    );
    api.response(
        "Conflict",
        "The state of the resource does not allow this.",
        &Problem::new(ProblemType::Conflict).detail("The order has been delivered."),
    );
    api.response(
        "PreconditionFailed",
        "The resource has another version.",
        &Problem::new(ProblemType::CartChanged)
            .detail("The cart is not at the version in If-Match. Read it again."),
    );
    api.response(
        "TooLarge",
        "The body is too large.",
        &Problem::new(ProblemType::BodyTooLarge).detail("At most 65536 bytes are read here."),
    );
    api.response(
        "UnsupportedMediaType",
        "The body is not JSON.",
        &Problem::new(ProblemType::UnsupportedMediaType)
            .detail("Send the body as application/json."),
    );
    api.response(
        "InvalidBody",
        "The body has faults; each is listed.",
        &Problem::new(ProblemType::InvalidBody)
            .detail("See errors.")
            .error("/items/0/quantity", "must be a whole number from 1 to 1000"),
    );
}

/// Requests that fail although they may be right.
fn failures(api: &mut Api) {
    api.response(
        "Problem",
        "Another error.",
        &Problem::new(ProblemType::NotFound)
            .detail("No product has the SKU TEA-9999.")
            .extension("request_id", "req_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c13"),
    );
    api.response(
        "TooManyRequests",
        "A quota is exhausted.",
        &Problem::new(ProblemType::QuotaExceeded)
            .detail("Try again in 2 s.")
            .extension("violated-policies", json!(["read"]))
            .extension("retry_after", 2),
    );
    api.response(
        "UpstreamFailed",
        "A service of the shop failed. It is unknown whether the request took effect.",
        &Problem::new(ProblemType::UpstreamFailed)
            .detail("It is unknown whether the request took effect."),
    );
    api.response(
        "Unavailable",
        "A service of the shop is unavailable. The request had no effect.",
        &Problem::new(ProblemType::Unavailable).detail("Service temporarily unavailable."),
    );
    api.response(
        "Timeout",
        "A service of the shop did not respond in time. It is unknown whether the request took \
         effect.",
        &Problem::new(ProblemType::UpstreamTimeout)
            .detail("It is unknown whether the request took effect."),
    );
}

fn problem_type() -> Value {
    json!({
        "type": "/problems/cart-full",
        "title": "The cart is full",
        "status": 409,
        "meaning": "The cart holds the maximum number of different products.",
        "advice": "Remove a product, or order the contents of the cart first.",
    })
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
