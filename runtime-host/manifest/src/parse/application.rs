//! `[application]`.

use crate::app::AppSettings;
use crate::parse::tool;
use crate::reader::{Code, Field, Table};
use crate::routes::{RoutePattern, Segment};

/// The contents of the table.
#[derive(Default)]
pub(super) struct Application {
    pub(super) name: String,
    pub(super) http_base: String,
    pub(super) redis_address: Option<String>,
    pub(super) settings: AppSettings,
}

pub(super) fn read(field: &Field<'_>) -> Option<Application> {
    let mut table = field.table()?;
    let mut application = Application::default();
    let name = table.required_text("name", "add `name = \"my-app\"`");
    application.name = name.unwrap_or_default();
    table.string("version");
    table.string("description");
    if let Some(authors) = table.optional("authors") {
        authors.texts();
    }
    if let Some(targets) = table.optional("targets") {
        check_targets(&targets);
    }
    if let Some(triggers) = table.optional("trigger").and_then(|field| field.table()) {
        read_triggers(triggers, &mut application);
    }
    if let Some(settings) = table.optional("tool").and_then(|field| tool::tessera(&field)) {
        application.settings = tool::application(settings);
    }
    table.finish();
    Some(application)
}

fn read_triggers(mut triggers: Table<'_>, application: &mut Application) {
    if let Some(mut http) = triggers.optional("http").and_then(|field| field.table()) {
        application.http_base =
            http.optional("base").and_then(|field| base(&field)).unwrap_or_default();
        http.finish();
    }
    if let Some(mut redis) = triggers.optional("redis").and_then(|field| field.table()) {
        application.redis_address = redis.text("address");
        redis.finish();
    }
    triggers.finish();
}

fn base(field: &Field<'_>) -> Option<String> {
    let text = field.string()?;
    let refuse = |message: &str, hint: &str| {
        field.report(Code::BadRoute, message, "not a base path", hint);
        None
    };
    if !text.starts_with('/') {
        return refuse("must start with a slash", &format!("write `/{text}`"));
    }
    match RoutePattern::parse("", &text) {
        Err(error) => refuse(&format!("is not a path: {}", error.message), &error.hint),
        Ok(path) => {
            let fixed = |segment: &Segment| matches!(segment, Segment::Literal(_));
            if path.takes_rest() || !path.segments().iter().all(fixed) {
                return refuse("must be a fixed path", "parameters and `/...` belong in routes");
            }
            let base = path.to_string();
            Some(base.strip_suffix('/').map(str::to_owned).unwrap_or(base))
        }
    }
}

/// Checks `targets`: environments in which the application has to run. Only Spin's build uses it.
pub(super) fn check_targets(field: &Field<'_>) {
    for target in field.items().unwrap_or_default() {
        if target.is_string() {
            target.text();
            continue;
        }
        if !target.is_table() {
            target.wrong_type("a string, `{ url = \"…\" }` or `{ path = \"…\" }`");
            continue;
        }
        let Some(mut table) = target.table() else { continue };
        let found = ["url", "path"].map(|key| table.optional(key));
        if found.iter().flatten().filter_map(Field::text).count() == 0
            && found.iter().all(Option::is_none)
        {
            target.report(
                Code::MissingKey,
                "has no environment",
                "`url` or `path` is missing",
                "write `{ url = \"…\" }` or `{ path = \"…\" }`",
            );
        }
        table.finish();
    }
}
