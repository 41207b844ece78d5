//! The part of the API description (OpenAPI 3.1) that a component owns.
//!
//! A component declares its operations next to its routes. The schemas of bodies are derived from
//! the types that are sent, so that the description changes with the code. A unit test compares the
//! declaration with the committed file `api.json`, and the gateway merges the files of all
//! components: it adds what its routing table knows, and the parameters, headers and responses that
//! operations share.
//!
//! The module is behind the feature `openapi`, which only tests enable: components contain neither
//! declarations nor schemas.

mod operation;
mod schemas;

pub use operation::Operation;
pub use schemas::{Sku, Time};

use crate::Problem;
use schemars::JsonSchema;
use schemas::Schemas;
use serde_json::{Value, json};
use std::path::Path;
use std::{env, fs};

/// The file of a component's part, in its folder.
const FILE: &str = "api.json";
/// Names of schemas that several components use. The gateway's part defines them.
const SHARED: [&str; 4] = ["Money", "Problem", "Sku", "Time"];

/// The operations of a component, and the schemas that they refer to.
#[derive(Debug)]
pub struct Api {
    tag: &'static str,
    operations: Value,
    responses: Value,
    schemas: Schemas,
    /// Whether the schemas that all components share belong to this part.
    has_shared: bool,
}

impl Api {
    /// An empty part, whose operations have this tag.
    pub fn new(tag: &'static str) -> Self {
        Self {
            tag,
            operations: json!({}),
            responses: json!({}),
            schemas: Schemas::default(),
            has_shared: false,
        }
    }

    /// Adds an operation. Its name is the one in the gateway's routing table.
    pub fn operation(
        &mut self,
        name: &'static str,
        summary: &str,
        description: &str,
    ) -> Operation<'_> {
        let tags = [self.tag];
        self.operations[name] =
            json!({ "tags": tags, "summary": summary, "description": description });
        Operation::new(&mut self.operations[name], &mut self.schemas)
    }

    /// Adds a response with a problem that operations of all components can refer to.
    pub fn response(&mut self, name: &str, description: &str, problem: &Problem) {
        self.responses[name] = operation::problem_response(description, problem).1;
    }

    /// Adds a schema that several components use.
    pub fn shared<T: JsonSchema>(&mut self) {
        self.has_shared = true;
        self.schemas.sent::<T>();
    }

    /// Compares this part with the file in `folder`, the component's own. With the environment
    /// variable `UPDATE_GOLDEN`, rewrites the file instead.
    ///
    /// # Errors
    /// The part differs from the file, or two types have the same name.
    pub fn compare(self, folder: &str) -> Result<(), String> {
        let path = Path::new(folder).join(FILE);
        let part = self.part()?;
        if env::var_os("UPDATE_GOLDEN").is_some() {
            return fs::write(&path, text(&part)).map_err(|error| error.to_string());
        }
        let file = fs::read_to_string(&path).unwrap_or_default();
        let committed: Value = serde_json::from_str(&file).unwrap_or_default();
        if committed == part {
            return Ok(());
        }
        Err(format!("{} is not up to date. UPDATE_GOLDEN=1 rewrites it.", path.display()))
    }

    fn part(self) -> Result<Value, String> {
        let mut schemas = self.schemas.finish()?;
        if !self.has_shared {
            schemas.retain(|name, _| !SHARED.contains(&name.as_str()));
        }
        let mut part = json!({ "operations": self.operations, "schemas": schemas });
        if self.responses != json!({}) {
            part["responses"] = self.responses;
        }
        Ok(part)
    }
}

/// The part as text: one line for each operation and each schema.
fn text(part: &Value) -> String {
    let lines = |members: &Value| {
        let members = members.as_object().into_iter().flatten();
        let lines: Vec<_> =
            members.map(|(name, value)| format!("{}: {value}", json!(name))).collect();
        lines.join(",\n")
    };
    let groups = part.as_object().into_iter().flatten();
    let groups: Vec<_> =
        groups.map(|(name, value)| format!("{}: {{\n{}\n}}", json!(name), lines(value))).collect();
    format!("{{\n{}\n}}\n", groups.join(",\n"))
}

#[cfg(test)]
mod tests;
