//! The description of the API (OpenAPI 3.1).
//!
//! Each component describes its own operations and schemas, in a file that is generated from its
//! code (`chassis::openapi`). Here, these parts are merged. What the routing table knows (paths,
//! security, limits, the problems that the gateway itself returns) is added from the table, so the
//! two can't disagree.

use crate::domain::quota::Limit;
use crate::domain::route::{Access, Route, Target};
use crate::domain::table::routes;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What belongs to no component: general information, parameters, headers.
const BASE: &str = include_str!("../openapi/base.json");
/// The parts of the components.
const PARTS: [&str; 14] = [
    include_str!("../api.json"),
    include_str!("../../cart/api.json"),
    include_str!("../../catalog/api.json"),
    include_str!("../../identity/api.json"),
    include_str!("../../importer/api.json"),
    include_str!("../../inventory/api.json"),
    include_str!("../../notifications/api.json"),
    include_str!("../../operations/api.json"),
    include_str!("../../order-history/api.json"),
    include_str!("../../orders/api.json"),
    include_str!("../../payments/api.json"),
    include_str!("../../recommendations/api.json"),
    include_str!("../../shipping/api.json"),
    include_str!("../../templates/api.json"),
];

/// What a component says of itself.
#[derive(Default, Deserialize)]
struct Part {
    /// Operations by name.
    operations: Map<String, Value>,
    /// Schemas of bodies.
    schemas: Map<String, Value>,
    /// Responses that operations share.
    #[serde(default)]
    responses: Map<String, Value>,
}

impl Part {
    /// The parts of all components.
    fn all() -> Result<Self, serde_json::Error> {
        let mut all = Self::default();
        for text in PARTS {
            let part: Self = serde_json::from_str(text)?;
            all.operations.extend(part.operations);
            all.schemas.extend(part.schemas);
            all.responses.extend(part.responses);
        }
        Ok(all)
    }
}

/// The response to `GET /api/v1/openapi.json`.
pub fn response() -> Response {
    // The same for all clients, so a warm instance makes it once.
    static TEXT: LazyLock<String> =
        LazyLock::new(|| document().map(|value| value.to_string()).unwrap_or_default());
    if TEXT.is_empty() {
        return chassis::Problem::internal().into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, TEXT.as_str()).into_response()
}

/// The whole document. Fails only if a file is malformed, which a test rules out.
pub fn document() -> Result<Value, serde_json::Error> {
    let mut document: Value = serde_json::from_str(BASE)?;
    let Part { mut operations, schemas, responses } = Part::all()?;
    document["components"]["schemas"] = Value::Object(schemas);
    for (name, response) in responses {
        document["components"]["responses"][name] = response;
    }
    let mut paths = Map::new();
    for route in routes() {
        let Some(mut operation) = route.operation.and_then(|name| operations.remove(name)) else {
            continue;
        };
        complete(&mut operation, route);
        let item = paths.entry(route.path).or_insert_with(|| path_item(route.path));
        item[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    document["paths"] = Value::Object(paths);
    Ok(document)
}

/// The names of the query parameters of a route. `None` if any are allowed: OAuth 2 requires that
/// unknown ones are ignored (RFC 6749, section 3.1), and pages are not described.
pub fn query_parameters(route: &Route) -> Option<&'static BTreeSet<String>> {
    static NAMES: LazyLock<BTreeMap<String, BTreeSet<String>>> =
        LazyLock::new(|| Part::all().map(|part| queries(&part.operations)).unwrap_or_default());
    let is_strict = !route.path.starts_with("/oauth2/") && !route.path.starts_with("/webhooks/");
    NAMES.get(route.operation?).filter(|_| is_strict)
}

fn queries(operations: &Map<String, Value>) -> BTreeMap<String, BTreeSet<String>> {
    let base: Value = serde_json::from_str(BASE).unwrap_or_default();
    let followed = |parameter: &Value| match parameter["$ref"].as_str() {
        Some(reference) => base.pointer(reference.trim_start_matches('#')).cloned(),
        None => Some(parameter.clone()),
    };
    let names = |operation: &Value| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let queries = parameters.filter_map(followed).filter(|one| one["in"] == "query");
        queries.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
    };
    operations.iter().map(|(name, operation)| (name.clone(), names(operation))).collect()
}

fn path_item(path: &str) -> Value {
    let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<Value> =
        named.map(|name| json!({"$ref": format!("#/components/parameters/{name}")})).collect();
    if parameters.is_empty() { json!({}) } else { json!({ "parameters": parameters }) }
}

fn complete(operation: &mut Value, route: &Route) {
    operation["operationId"] = json!(route.operation);
    operation["security"] = match route.access {
        Access::Public => json!([]),
        // A client has no secret: its id is the user name, or in the body.
        Access::Client => json!([{}, {"client": []}]),
        // One of the two: no token, or a good one.
        Access::Optional => json!([{}, {"bearer": []}]),
        Access::User => json!([{"bearer": []}]),
        Access::Admin | Access::Local => json!([{"bearer": ["admin"]}]),
    };
    if let Some(scope) = route.scope {
        operation["x-scope"] = json!(scope);
    }
    let has_body = operation.get("requestBody").is_some();
    if has_body {
        operation["x-body-bytes-max"] = json!(route.body_bytes_max);
    }
    operation["x-timeout-ms"] = json!(route.timeout_ms);
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        if status.starts_with(['2', '3']) {
            add_headers(response, route);
        }
    }
    let is_read = route.method == http::Method::GET;
    if is_read && responses.contains_key("200") {
        let reference = json!({"$ref": "#/components/responses/NotModified"});
        responses.entry("304").or_insert(reference);
    }
    for (status, name) in problems(route, has_body) {
        responses
            .entry(status)
            .or_insert_with(|| json!({"$ref": format!("#/components/responses/{name}")}));
    }
}

fn add_headers(response: &mut Value, route: &Route) {
    let mut names = vec!["X-Request-Id"];
    if route.limit != Limit::None {
        names.extend(["RateLimit", "RateLimit-Policy"]);
    }
    for name in names {
        response["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
    }
}

/// The problems that the gateway itself returns on this route.
fn problems(route: &Route, has_body: bool) -> Vec<(&'static str, &'static str)> {
    let mut problems = vec![("400", "BadRequest"), ("default", "Problem")];
    if !matches!(route.access, Access::Public | Access::Client) {
        problems.push(("401", "Unauthorized"));
    }
    if matches!(route.access, Access::Admin | Access::User) {
        problems.push(("403", "Forbidden"));
    }
    if has_body {
        problems.extend([("413", "TooLarge"), ("415", "UnsupportedMediaType")]);
    }
    if route.refuses_content() {
        problems.extend([("413", "TooLarge"), ("422", "InvalidBody")]);
    }
    if route.limit != Limit::None {
        problems.push(("429", "TooManyRequests"));
    }
    if matches!(route.target, Target::Component(_) | Target::Renamed(..)) {
        problems.extend([("502", "UpstreamFailed"), ("503", "Unavailable"), ("504", "Timeout")]);
    }
    problems
}

#[cfg(test)]
mod tests;
