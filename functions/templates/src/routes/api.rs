//! The operations of templates.
#![allow(dead_code, reason = "the types of requests only describe them")]

use chassis::openapi::Api;
use chassis::page::Page;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{Summary, TextView, VersionView};
use crate::domain::{CODE_LENGTH_MAX, LANGUAGE_COUNT_MAX};

/// A new template, with its first version.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewTemplate {
    /// Lowercase words joined by dashes.
    #[schemars(length(max = CODE_LENGTH_MAX), regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    code: String,
    #[schemars(flatten)]
    texts: Texts,
}

/// A new version of a template.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TemplateTexts {
    #[schemars(flatten)]
    texts: Texts,
}

#[derive(JsonSchema)]
struct Texts {
    /// The language for users of none of the others.
    default_language: String,
    #[schemars(length(min = 1, max = LANGUAGE_COUNT_MAX))]
    texts: Vec<TextView>,
}

fn api() -> Api {
    let mut api = Api::new("administration");
    templates(&mut api);
    versions(&mut api);
    api
}

fn templates(api: &mut Api) {
    api.operation("listTemplates", "List templates", "The texts of messages.")
        .paged()
        .ok::<Page<Summary>>(
            "A page.",
            &json!({
                "items": [
                    {
                        "code": "order-confirmed",
                        "newest_version": 2,
                        "updated_at": "2026-01-31T12:00:00.000Z",
                    },
                ],
                "next_cursor": null,
            }),
        );
    api.operation("createTemplate", "Create a template", "With its first version.")
        .body::<NewTemplate>(
            &json!({"code": "order-confirmed", "default_language": "en", "texts": [text()]}),
        )
        .json::<VersionView>(201, "The template was created.", &version(1))
        .headers(["Location"])
        .problems([409, 422]);
    api.operation("getTemplate", "Get a template", "Its newest version.")
        .ok::<VersionView>("The version.", &version(2))
        .problems([404]);
}

fn versions(api: &mut Api) {
    api.operation(
        "listTemplateVersions",
        "List the versions of a template",
        "Newest first. Versions never change.",
    )
    .paged()
    .ok::<Page<VersionView>>(
        "A page.",
        &json!({
            "items": [
                {
                    "code": "order-confirmed",
                    "version": 2,
                    "created_at": "2026-01-31T12:00:00.000Z",
                    "created_by": "usr_0192f0c0-1b2c-7d3e-8f40-516273849501",
                },
            ],
            "next_cursor": null,
        }),
    )
    .problems([404]);
    api.operation(
        "createTemplateVersion",
        "Publish a version of a template",
        "Messages that were accepted with an older version are sent with that version.",
    )
    .body::<TemplateTexts>(&json!({"default_language": "en", "texts": [text()]}))
    .json::<VersionView>(201, "The version was published.", &version(2))
    .headers(["Location"])
    .problems([404, 409, 422]);
    api.operation("getTemplateVersion", "Get a version of a template", "With its texts.")
        .ok::<VersionView>("The version.", &version(2))
        .problems([404]);
}

fn version(number: u32) -> Value {
    json!({
        "code": "order-confirmed",
        "version": number,
        "created_at": "2026-01-31T12:00:00.000Z",
        "created_by": "usr_0192f0c0-1b2c-7d3e-8f40-516273849501",
        "default_language": "en",
        "variables": ["name", "order_id"],
        "texts": [text()],
    })
}

fn text() -> Value {
    json!({
        "language": "en",
        "subject": "Your order {{order_id}} is confirmed",
        "text": "Hello {{name}}",
        "html": "<p>Hello {{name}}</p>",
    })
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
