//! `[application]`.

use crate::app::AppSettings;
use crate::parse::tool;
use crate::reader::{Code, Field, Table};
use crate::routes::{RoutePattern, Segment};

/// The contents of the table.
#[derive(Default)]
pub(super) struct Application {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) description: Option<String>,
    pub(super) http_base: String,
    pub(super) redis_address: Option<String>,
    pub(super) settings: AppSettings,
}

pub(super) fn read(field: &Field<'_>) -> Option<Application> {
    let mut table = field.table()?;
    let mut application = Application::default();
    let name =
        table.required("name", "add `name = \"my-app\"`").and_then(|name| name.non_empty_string());
    application.name = name.map(|name| name.value).unwrap_or_default();
    application.version = table.string("version");
    application.description = table.string("description");
    if let Some(authors) = table.optional("authors") {
        authors.strings();
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
        let address = redis.optional("address").and_then(|field| field.non_empty_string());
        application.redis_address = address.map(|address| address.value);
        redis.finish();
    }
    triggers.finish();
}

fn base(field: &Field<'_>) -> Option<String> {
    let text = field.string()?.value;
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
            target.non_empty_string();
            continue;
        }
        if !target.is_table() {
            target.wrong_type("a string, `{ url = \"…\" }` or `{ path = \"…\" }`");
            continue;
        }
        let Some(mut table) = target.table() else { continue };
        let found = ["url", "path"].map(|key| table.optional(key));
        if found.iter().flatten().filter_map(Field::non_empty_string).count() == 0
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
