//! The API of administrators.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chassis::auth::{Admin, KeySource};
use chassis::clock::{now_ms, rfc3339};
use chassis::form::{Fields, JsonDocument};
use chassis::page::{Cursor, Page, PageQuery};
use chassis::store::Store;
use chassis::{Problem, Result};
use serde::Serialize;

use crate::domain::{
    BODY_LENGTH_MAX, CODE_LENGTH_MAX, LANGUAGE_COUNT_MAX, Language, SUBJECT_LENGTH_MAX, Template,
    Text, Texts, is_code,
};
use crate::service::{Error, Publication, Templates};

const SCOPE: &str = "/api/v1/templates";

/// Bodies are documents. The gateway has the same limit.
type Document = JsonDocument<{ 256 * 1024 }>;

/// The state of the routes.
#[derive(Clone)]
pub struct App<S, K> {
    /// The templates.
    pub templates: Templates<S>,
    /// The keys that callers are authenticated with.
    pub keys: K,
}

chassis::auth_state!(App<S: Store; K>);

/// `/api/v1/templates` and below; for administrators only.
pub fn router<S: Store, K: KeySource>(app: App<S, K>) -> Router {
    Router::new()
        .route("/api/v1/templates", get(App::<S, K>::list).post(App::<S, K>::create))
        .route("/api/v1/templates/{code}", get(App::<S, K>::read))
        .route(
            "/api/v1/templates/{code}/versions",
            get(App::<S, K>::versions).post(App::<S, K>::publish),
        )
        .route("/api/v1/templates/{code}/versions/{number}", get(App::<S, K>::version))
        .with_state(app)
}

/// A template in a list.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TemplateSummary"))]
struct Summary {
    code: String,
    #[cfg_attr(test, schemars(range(min = 1)))]
    newest_version: u32,
    /// Null for built-in texts.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    updated_at: Option<String>,
}

/// A version of a template. Lists do not contain its texts.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TemplateVersion"))]
struct VersionView {
    code: String,
    #[cfg_attr(test, schemars(range(min = 1)))]
    version: u32,
    /// Null for built-in texts.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    created_at: Option<String>,
    /// Id of the administrator.
    created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_language: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<Vec<TextView>>,
}

/// The text of a version in one language.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TemplateText"))]
struct TextView {
    /// BCP 47 tag.
    language: Language,
    #[serde(flatten)]
    text: Text,
}

impl<S: Store, K: KeySource> App<S, K> {
    async fn list(
        _: Admin,
        State(app): State<Self>,
        query: PageQuery,
    ) -> Result<Json<Page<Summary>>> {
        let after: Option<String> = query.position(SCOPE)?;
        let codes = app.templates.codes().await?;
        let mut rest =
            codes.into_iter().filter(|code| after.as_ref().is_none_or(|last| code > last));
        let page: Vec<String> = rest.by_ref().take(query.limit).collect();
        let next_cursor = match (rest.next(), page.last()) {
            (Some(_), Some(last)) => Some(Cursor::encode(SCOPE, last)),
            _ => None,
        };
        let mut items = Vec::with_capacity(page.len());
        for code in page {
            match app.templates.template(&code).await {
                Ok(template) => items.push(summary(&template)),
                // It was not created because of a crash.
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Json(Page { items, next_cursor }))
    }

    async fn create(
        Admin(caller): Admin,
        State(app): State<Self>,
        JsonDocument(body): Document,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let code = fields.string("code", 1..=CODE_LENGTH_MAX);
        if code.as_ref().is_some_and(|code| !is_code(code)) {
            fields.fault("code", "must be lowercase words joined by dashes");
        }
        let texts = read_texts(&mut fields);
        fields.finish()?;
        let (Some(code), Some(texts)) = (code, texts) else { return Err(Problem::internal()) };
        let first = Publication { texts, user_id: caller.user_id, now_ms: now_ms() };
        let template = app.templates.create(&code, first).await?;
        let view = view(&app.templates, &template, Some(1)).await?;
        Ok(created(&format!("{SCOPE}/{code}"), view))
    }

    async fn read(
        _: Admin,
        State(app): State<Self>,
        Path(code): Path<String>,
    ) -> Result<Json<VersionView>> {
        let template = app.templates.template(&code).await?;
        Ok(Json(view(&app.templates, &template, None).await?))
    }

    async fn versions(
        _: Admin,
        State(app): State<Self>,
        Path(code): Path<String>,
        query: PageQuery,
    ) -> Result<Json<Page<VersionView>>> {
        let scope = format!("{SCOPE}/{code}/versions");
        let template = app.templates.template(&code).await?;
        let newest = query.position::<u32>(&scope)?.unwrap_or_else(|| template.newest());
        let numbers: Vec<u32> = (1..=newest).rev().take(query.limit).collect();
        let next = numbers.last().copied().unwrap_or(1) - 1;
        let items = numbers.iter().filter_map(|number| brief(&template, Some(*number))).collect();
        let next_cursor = (next > 0).then(|| Cursor::encode(&scope, &next));
        Ok(Json(Page { items, next_cursor }))
    }

    async fn version(
        _: Admin,
        State(app): State<Self>,
        Path((code, number)): Path<(String, u32)>,
    ) -> Result<Json<VersionView>> {
        let template = app.templates.template(&code).await?;
        Ok(Json(view(&app.templates, &template, Some(number)).await?))
    }

    async fn publish(
        Admin(caller): Admin,
        State(app): State<Self>,
        Path(code): Path<String>,
        JsonDocument(body): Document,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let texts = read_texts(&mut fields);
        fields.finish()?;
        let texts = texts.ok_or_else(Problem::internal)?;
        let next = Publication { texts, user_id: caller.user_id, now_ms: now_ms() };
        let number = app.templates.publish(&code, next).await?;
        let template = app.templates.template(&code).await?;
        let view = view(&app.templates, &template, Some(number)).await?;
        Ok(created(&format!("{SCOPE}/{code}/versions/{number}"), view))
    }
}

/// `default_language` and `texts`: `[{"language","subject","text","html"}]`.
fn read_texts(fields: &mut Fields<'_>) -> Option<Texts> {
    let default_language = language(fields, "default_language");
    let list = fields.array("texts", 1..=LANGUAGE_COUNT_MAX, |fields| {
        let language = language(fields, "language");
        let subject = fields.string("subject", 1..=SUBJECT_LENGTH_MAX);
        let text = fields.string("text", 1..=BODY_LENGTH_MAX);
        let html = fields.string("html", 1..=BODY_LENGTH_MAX);
        Some((language?, Text { subject: subject?, text: text?, html: html? }))
    })?;
    let languages: Vec<Language> = list.iter().map(|(language, _)| language.clone()).collect();
    let by_language: BTreeMap<_, _> = list.into_iter().collect();
    if by_language.len() < languages.len() {
        fields.fault("texts", "must have one text for each language");
    }
    let texts = Texts { default_language: default_language?, by_language };
    for fault in texts.faults() {
        fields.fault(&pointer(&fault.member, &languages), fault.detail);
    }
    Some(texts)
}

fn language(fields: &mut Fields<'_>, name: &str) -> Option<Language> {
    let tag = fields.string(name, 2..=35)?;
    let language = Language::parse(&tag);
    if language.is_none() {
        fields.fault(name, "must be a language tag like pt or pt-BR");
    }
    language
}

/// The pointer to a member in the body: `texts/0/subject` for `["en", "subject"]`.
fn pointer(member: &[String], languages: &[Language]) -> String {
    match member {
        [tag, member] => {
            let index = languages.iter().position(|language| language.as_str() == tag);
            format!("texts/{}/{member}", index.unwrap_or_default())
        }
        other => other.join("/"),
    }
}

fn created(location: &str, view: VersionView) -> Response {
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response()
}

fn summary(template: &Template) -> Summary {
    let newest = brief(template, None);
    Summary {
        code: template.code.clone(),
        newest_version: template.newest(),
        updated_at: newest.and_then(|version| version.created_at),
    }
}

fn brief(template: &Template, number: Option<u32>) -> Option<VersionView> {
    let (version, found) = template.version(number)?;
    Some(VersionView {
        code: template.code.clone(),
        version,
        created_at: found.created_by.as_ref().map(|_| rfc3339(found.created_at_ms)),
        created_by: found.created_by.clone(),
        default_language: None,
        variables: None,
        texts: None,
    })
}

async fn view<S: Store>(
    templates: &Templates<S>,
    template: &Template,
    number: Option<u32>,
) -> Result<VersionView> {
    let (number, texts) = templates.version(template, number).await?;
    let mut view = brief(template, Some(number)).ok_or_else(Problem::internal)?;
    view.variables = Some(texts.variables().into_iter().collect());
    view.default_language = Some(texts.default_language);
    let texts = texts.by_language.into_iter();
    view.texts = Some(texts.map(|(language, text)| TextView { language, text }).collect());
    Ok(view)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(detail) => Problem::not_found(detail),
            Error::Store(error) => error.into(),
            other => Problem::conflict(other.to_string()),
        }
    }
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
