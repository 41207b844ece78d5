//! One operation, built by chaining: parameters, then the request body, then responses.

use super::schemas::Schemas;
use crate::{Problem, ProblemType};
use http::StatusCode;
use schemars::JsonSchema;
use serde_json::{Value, json};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// An operation of an [`Api`](super::Api).
#[derive(Debug)]
pub struct Operation<'a> {
    value: &'a mut Value,
    schemas: &'a mut Schemas,
    /// The status of the response that was added last.
    status: String,
}

impl<'a> Operation<'a> {
    pub(super) fn new(value: &'a mut Value, schemas: &'a mut Schemas) -> Self {
        Self { value, schemas, status: String::new() }
    }

    /// Replaces the tag of the component.
    pub fn tag(self, tag: &str) -> Self {
        self.value["tags"] = json!([tag]);
        self
    }

    /// Adds parameters that components share, by name.
    pub fn parameters<const N: usize>(self, names: [&str; N]) -> Self {
        names.into_iter().fold(self, |operation, name| {
            operation.parameter(json!({ "$ref": format!("#/components/parameters/{name}") }))
        })
    }

    /// Adds the parameters of a list in pages.
    pub fn paged(self) -> Self {
        self.parameters(["cursor", "limit"])
    }

    /// Adds a parameter.
    pub fn parameter(self, parameter: Value) -> Self {
        match &mut self.value["parameters"] {
            Value::Array(parameters) => parameters.push(parameter),
            none => *none = json!([parameter]),
        }
        self
    }

    /// Adds the members of `T` as query parameters.
    pub fn query<T: JsonSchema>(self) -> Self {
        let parameters = self.schemas.query::<T>();
        parameters.into_iter().fold(self, Self::parameter)
    }

    /// The request body is JSON.
    pub fn body<T: JsonSchema>(self, example: &Value) -> Self {
        self.body_as::<T>(JSON, example)
    }

    /// The request body has this media type.
    pub fn body_as<T: JsonSchema>(self, media_type: &str, example: &Value) -> Self {
        let schema = self.schemas.received::<T>();
        self.value["requestBody"]["required"] = json!(true);
        self.value["requestBody"]["content"][media_type] = media(schema, example);
        self
    }

    /// Adds a response with this status and a JSON body.
    pub fn json<T: JsonSchema>(self, status: u16, description: &str, example: &Value) -> Self {
        self.empty(status, description).content::<T>(JSON, example)
    }

    /// Adds a response with status 200 and a JSON body.
    pub fn ok<T: JsonSchema>(self, description: &str, example: &Value) -> Self {
        self.json::<T>(200, description, example)
    }

    /// Adds a response without a body.
    pub fn empty(mut self, status: u16, description: &str) -> Self {
        self.status = status.to_string();
        self.value["responses"][&self.status] = json!({ "description": description });
        self
    }

    /// Adds a body in this media type to the last response. `null` is no example.
    pub fn content<T: JsonSchema>(mut self, media_type: &str, example: &Value) -> Self {
        let schema = self.schemas.sent::<T>();
        self.last()["content"][media_type] = media(schema, example);
        self
    }

    /// Adds headers that components share to the last response, by name.
    pub fn headers<const N: usize>(self, names: [&str; N]) -> Self {
        names.into_iter().fold(self, |operation, name| {
            operation.header(name, json!({ "$ref": format!("#/components/headers/{name}") }))
        })
    }

    /// Adds a header to the last response.
    pub fn header(mut self, name: &str, header: Value) -> Self {
        self.last()["headers"][name] = header;
        self
    }

    /// Adds the response with this problem.
    pub fn problem(self, description: &str, problem: &Problem) -> Self {
        let (status, response) = problem_response(description, problem);
        self.value["responses"][status.as_str()] = response;
        self
    }

    /// Adds shared responses with problems, by status.
    pub fn problems<const N: usize>(self, statuses: [u16; N]) -> Self {
        statuses.into_iter().fold(self, |operation, status| {
            operation.shared(
                status,
                match status {
                    404 => "NotFound",
                    409 => "Conflict",
                    412 => "PreconditionFailed",
                    422 => "InvalidBody",
                    _ => "Problem",
                },
            )
        })
    }

    /// Adds a response that components share, by name.
    pub fn shared(self, status: u16, name: &str) -> Self {
        self.value["responses"][status.to_string()] =
            json!({ "$ref": format!("#/components/responses/{name}") });
        self
    }

    fn last(&mut self) -> &mut Value {
        &mut self.value["responses"][&self.status]
    }
}

/// A response with a problem: its status, and the headers that problems with this status have.
pub(super) fn problem_response(description: &str, problem: &Problem) -> (StatusCode, Value) {
    let status = problem.status();
    let value = problem.to_value();
    let mut names = vec!["X-Request-Id"];
    match status {
        StatusCode::UNAUTHORIZED => names.push("WWW-Authenticate"),
        _ if value["type"] == ProblemType::Forbidden.path() => names.push("WWW-Authenticate"),
        StatusCode::TOO_MANY_REQUESTS => {
            names.extend(["Retry-After", "RateLimit", "RateLimit-Policy"]);
        }
        status if status.is_server_error() => names.push("Retry-After"),
        _ => {}
    }
    let mut response = json!({ "description": description });
    for name in names {
        response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    response["content"][PROBLEM] = media(schema, &value);
    (status, response)
}

fn media(schema: Value, example: &Value) -> Value {
    let mut media = json!({ "schema": schema });
    if !example.is_null() {
        media["examples"]["example"]["value"] = example.clone();
    }
    media
}
