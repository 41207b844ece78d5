//! The description of this API: an OpenAPI 3.1 document, made from the table of routes.

use super::route::{Content, Handler, Parameter, Route};
use super::routes;
use crate::problem;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The schemas of bodies. Responses may get more members, so objects are open.
const SCHEMAS: &str = include_str!("schemas.json");
/// The scheme of the token.
const TOKEN: &str = "adminToken";
const OPEN_METRICS: &str = "application/openmetrics-text";
const HEALTH: &str = "application/health+json";

/// The document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for route in routes::described() {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Admin API of Tessera",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The operator's listener. Changes, and responses that may contain \
                            personal data, need the token, which is in `admin-token` in the state \
                            directory.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": serde_json::from_str::<Value>(SCHEMAS).unwrap_or_default(),
            "securitySchemes": { TOKEN: { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let of_path = route.path_parameters().map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let parameters: Vec<_> = of_path.chain(route.parameters.iter().map(of_query)).collect();
    let mut operation = json!({
        "operationId": id(route),
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route),
    });
    if route.token {
        operation["security"] = json!([{ TOKEN: [] }]);
    }
    if let Some(schema) = route.request {
        let content = json!({ "application/json": { "schema": reference(schema) } });
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

/// Method and path as one word: `deleteFaultsById`.
fn id(route: &Route) -> String {
    let words = route.path.split(['/', '-', '.']).filter(|word| !word.is_empty());
    let mut id = route.method.to_lowercase();
    for word in words {
        let name = word.trim_matches(['{', '}']);
        if name != word {
            id.push_str("By");
        }
        id.push_str(&name[..1].to_uppercase());
        id.push_str(&name[1..]);
    }
    id
}

fn of_query(parameter: &Parameter) -> Value {
    let Parameter { name, description, kind, required } = parameter;
    json!({
        "name": name,
        "in": "query",
        "description": description,
        "required": required,
        "schema": { "type": kind },
    })
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for status in std::iter::once(&route.status).chain(route.same_content) {
        responses.insert(status.to_string(), success(route, *status));
    }
    for status in route.without_content {
        responses.insert(status.to_string(), json!({ "description": title(*status) }));
    }
    for status in problems(route) {
        let content = json!({ problem::MEDIA_TYPE: { "schema": reference("Problem") } });
        let response = json!({ "description": title(status), "content": content });
        // A success of the same status would be a fault of the table.
        responses.entry(status.to_string()).or_insert(response);
    }
    Value::Object(responses)
}

fn success(route: &Route, status: u16) -> Value {
    let mut response = json!({ "description": title(status) });
    let content = match route.content {
        Content::None => return response,
        Content::Text => json!({ "text/plain": { "schema": { "type": "string" } } }),
        Content::OpenMetrics => {
            let text = json!({ "schema": { "type": "string" } });
            json!({ OPEN_METRICS: text, "text/plain": text })
        }
        Content::AnyJson => json!({ "application/json": { "schema": { "type": "object" } } }),
        Content::Json(schema) => json!({ "application/json": { "schema": reference(schema) } }),
        Content::Health(schema) => json!({ HEALTH: { "schema": reference(schema) } }),
    };
    response["content"] = content;
    response
}

/// The statuses of problems: those that follow from what a route needs, and its own.
fn problems(route: &Route) -> BTreeSet<u16> {
    let has_values = route.path_parameters().next().is_some();
    let has_input = has_values || !route.parameters.is_empty() || route.request.is_some();
    let rules = [
        (has_input, 400),
        (route.token, 401),
        (!route.every_name, 403),
        (has_values || matches!(route.handler, Handler::Events(_) | Handler::Faults(_)), 404),
        (matches!(route.handler, Handler::Events(_)), 503),
    ];
    let needed = rules.into_iter().filter(|(applies, _)| *applies).map(|(_, status)| status);
    needed.chain(route.problems.iter().copied()).collect()
}

fn title(status: u16) -> &'static str {
    let status = http::StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("Error")
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of all schemas that a value refers to.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                let name = members.get("$ref").and_then(Value::as_str);
                found.extend(name.and_then(|name| Some(name.rsplit_once('/')?.1.to_owned())));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn each_schema_exists_and_is_used() {
        let document = document();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        assert_eq!(schemas.keys().cloned().collect::<BTreeSet<_>>(), used);
    }

    #[test]
    fn each_operation_has_its_own_id() {
        let ids: BTreeSet<_> = routes::described().map(id).collect();
        assert_eq!(ids.len(), routes::described().count(), "{ids:?}");
        assert!(ids.contains("postSubscriptionsByNameKeysByKeyReplay"), "{ids:?}");
    }

    #[test]
    fn the_reference_names_each_member() {
        let page = include_str!("../../../../docs/reference/admin-api.md");
        let metrics = include_str!("../../../../docs/reference/metrics.md");
        let chaos = include_str!("../../../../docs/chaos.md");
        let problems = include_str!("../../../../docs/problems.md");
        let pages = [page, metrics, chaos, problems].concat();
        let schemas: Value = serde_json::from_str(SCHEMAS).expect("JSON");
        for (name, schema) in schemas.as_object().expect("schemas") {
            for member in schema["properties"].as_object().into_iter().flatten() {
                // Members of members are written with a dot.
                let forms = ["`{}`", "`{}.", ".{}`", "\"{}\""];
                let is_known =
                    forms.iter().any(|form| pages.contains(&form.replace("{}", member.0)));
                assert!(is_known, "{} of {name} is not documented", member.0);
            }
        }
    }
}
