//! What the admin listener serves, declared once. Requests are routed by this table, and the list of
//! paths, the OpenAPI document and the table of the reference are made from it.

#[cfg(feature = "fault-points")]
use super::fault_points;
use super::route::Content::{AnyJson, Health, Json, None, OpenMetrics, Text};
use super::route::Handler::{Events, Faults, Later, Now};
use super::route::{Parameter, Route};
use super::{
    application, components, configuration, console, edges, events, faults, flags, logs, ofrep,
    openapi, reply, revisions, schedules, topology, traces, views,
};

/// All routes, in the order of the reference.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::get("/livez", "200 while the process runs", Text, Now(|_| reply::text("text/plain", "ok\n"))).under_every_name(),
    Route::get("/readyz", "200, or 503 with the reasons", Health("Readiness"), Now(views::readiness)).same_content(&[503]).under_every_name(),
    Route::get("/metrics", "metrics in the OpenMetrics format", OpenMetrics, Later(|call| Box::pin(views::metrics(call)))).problems(&[500]).under_every_name(),
    Route::get("/openapi.json", "this API as an OpenAPI 3.1 document", AnyJson, Now(|_| reply::json(&openapi::document()))),
    Route::get("/application", "the application and the process", AnyJson, Now(application::application)),
    Route::get("/components", "the components that run", Json("Components"), Now(components::list)),
    Route::get("/components/{id}", "a component with its calls and operations", AnyJson, Now(components::one)).problems(&[404]),
    Route::get("/topology", "all calls that were seen", AnyJson, Now(topology::topology)),
    Route::get("/policies", "the policies in force", AnyJson, Now(application::policies)),
    Route::get("/schedules", "schedules and cron triggers", AnyJson, Now(schedules::schedules)),
    Route::get("/revisions", "the revisions of components, and rollouts", AnyJson, Later(|call| Box::pin(revisions::list(call)))).with_token(),
    Route::get("/components/{id}/diff", "what differs between two revisions", AnyJson, Later(|call| Box::pin(revisions::diff(call)))).parameters(OF_DIFFS).problems(&[409, 503]).with_token(),
    Route::get("/configuration", "the values of variables, and what components are configured with; without secrets", AnyJson, Later(|call| Box::pin(configuration::show(call)))).problems(&[503]).with_token(),
    Route::get("/edges", "the calls to which policies apply", Json("Edges"), Now(views::edges)),
    Route::get("/faults", "the faults that are active", Json("Faults"), Faults(|faults, call| Box::pin(faults::list(faults, call)))),
    Route::get("/subscriptions", "the subscriptions to events", Json("Subscriptions"), Events(|log, call| Box::pin(events::subscriptions(log, call)))),
    Route::get("/traces", "spans", Json("Spans"), Now(traces::spans)).parameters(OF_TRACES).with_token(),
    Route::get("/traces/list", "traces, one entry each", AnyJson, Now(traces::list)).parameters(OF_TRACE_LIST).problems(&[400]).with_token(),
    Route::get("/logs", "log lines", AnyJson, Now(logs::logs)).parameters(OF_LOGS).problems(&[400]).with_token(),
    Route::get("/events", "events of the log", Json("Events"), Events(|log, call| Box::pin(events::read(log, call)))).parameters(OF_EVENTS).with_token(),
    Route::get("/dead-letters", "dead letters", Json("DeadLetters"), Events(|log, call| Box::pin(events::dead_letters(log, call)))).parameters(OF_DEAD_LETTERS).with_token(),
    Route::get("/flags", "the feature flags", Json("Flags"), Now(flags::list)).with_token(),
    Route::get("/flags/{key}", "a feature flag", Json("Flag"), Now(flags::one)).with_token(),
    Route::get("/flag-changes", "the latest changes of feature flags", Json("FlagChanges"), Now(flags::changes)).with_token(),
    Route::query("/ofrep/v1/evaluate/flags/{key}", "the value of a feature flag", Json("FlagEvaluation"), Later(|call| Box::pin(ofrep::one(call)))).request("FlagEvaluationRequest").same_content(&[400, 404]),
    Route::query("/ofrep/v1/evaluate/flags", "the values of all feature flags, with an `ETag`", Json("FlagEvaluations"), Later(|call| Box::pin(ofrep::all(call)))).request("FlagEvaluationRequest").same_content(&[400]).without_content(&[304]),
    Route::post("/components/{id}/revisions", "202 with the new revision", AnyJson, Later(|call| Box::pin(revisions::deploy(call)))).parameters(OF_DEPLOYMENTS).status(202).problems(&[400, 404, 409, 503]),
    Route::post("/components/{id}/promote", "the revision that has all calls", AnyJson, Later(|call| Box::pin(revisions::promote(call)))).parameters(OF_CHANGES).problems(&[400, 404, 409, 503]),
    Route::post("/components/{id}/rollback", "the revision that has all calls; 202 if it is being loaded", AnyJson, Later(|call| Box::pin(revisions::roll_back(call)))).parameters(OF_CHANGES).same_content(&[202]).problems(&[400, 404, 409, 503]),
    Route::post("/configuration", "the components that have a new configuration", AnyJson, Later(|call| Box::pin(configuration::set(call)))).request("VariableValues").parameters(OF_CONFIGURATIONS).problems(&[400, 409, 503]),
    Route::post("/configuration/reload", "the same, after the manifest and the files were read again", AnyJson, Later(|call| Box::pin(configuration::reload(call)))).parameters(OF_CONFIGURATIONS).problems(&[400, 409, 503]),
    Route::post("/edges/breaker", "the number of circuit breakers", Json("Breakers"), Now(edges::set_breaker)).parameters(OF_BREAKERS).problems(&[404]),
    Route::post("/faults", "201 with the number of the fault", Json("AddedFault"), Faults(|faults, call| Box::pin(faults::add(faults, call)))).request("Fault").status(201),
    Route::delete("/faults/{id}", "204", Faults(|faults, call| Box::pin(faults::remove(faults, call)))),
    Route::delete("/faults", "204; all faults end", Faults(|faults, call| Box::pin(faults::clear(faults, call)))),
    Route::put("/flags/{key}", "the feature flag", Json("Flag"), Later(|call| Box::pin(flags::set(call)))).parameters(OF_FLAGS).request("FlagDefinition").problems(&[409, 503]),
    Route::post("/flags/{key}/enable", "the feature flag", Json("Flag"), Later(|call| Box::pin(flags::switch(call, true)))).parameters(OF_FLAGS).problems(&[409, 503]),
    Route::post("/flags/{key}/disable", "the feature flag", Json("Flag"), Later(|call| Box::pin(flags::switch(call, false)))).parameters(OF_FLAGS).problems(&[409, 503]),
    Route::delete("/flags/{key}", "204; the definition in the manifest's file applies again", Later(|call| Box::pin(flags::remove(call)))).parameters(OF_FLAGS).problems(&[409, 503]),
    Route::post("/dead-letters/{id}/replay", "204", None, Events(|log, call| Box::pin(events::replay(log, call)))),
    Route::delete("/dead-letters/{id}", "204", Events(|log, call| Box::pin(events::discard(log, call)))),
    Route::post("/subscriptions/{name}/keys/{key}/replay", "the number of events", Json("Replayed"), Events(|log, call| Box::pin(events::replay_key(log, call)))),
    Route::post("/subscriptions/{name}/replay", "the number of events", Json("Replayed"), Events(|log, call| Box::pin(events::replay_range(log, call)))).parameters(OF_REPLAY),
    Route::of_console("/", Now(console::index)),
    Route::of_console("/console/{build}/{file*}", Now(console::asset)),
    #[cfg(feature = "fault-points")]
    Route::of_tests("GET", "/fault-points", Now(|_| fault_points::report())),
    #[cfg(feature = "fault-points")]
    Route::of_tests("PUT", "/fault-points", Later(|call| Box::pin(fault_points::set(call)))),
];

const OF_TRACES: &[Parameter] = &[
    Parameter::string("trace_id", "The trace."),
    Parameter::string("request_id", "The `x-request-id` of requests in the traces."),
];

const OF_CHANGES: &[Parameter] = &[
    Parameter::string(
        "of",
        "The first digits of the revision that is meant: the candidate, or else the stable one. 409 if it is another one now.",
    ),
    Parameter::string("by", "Who does this, for the history."),
];

const OF_FLAGS: &[Parameter] =
    &[Parameter::string("by", "Who does this, for the list of changes.")];
const OF_DIFFS: &[Parameter] = &[
    Parameter::string(
        "from",
        "The first digits of a revision. By default, the stable one, or the one before it if there is no candidate.",
    ),
    Parameter::string(
        "to",
        "The same of the other one; by default the candidate, or the stable one.",
    ),
];

const OF_CONFIGURATIONS: &[Parameter] =
    &[Parameter::string("by", "Who does this, for the history.")];

const OF_DEPLOYMENTS: &[Parameter] = &[
    Parameter::string(
        "revision",
        "The first digits of a revision that is kept, in place of a body.",
    ),
    Parameter::string(
        "steps",
        "The shares of a canary in percent, such as `5,25,50`, or `0` to wait for a promotion. Without it, all calls change at once.",
    ),
    Parameter::integer("step_ms", "How long each step takes at least; by default 30,000."),
    Parameter::string("waits", "`true`: the last step ends with a promotion."),
    Parameter::integer("calls_min", "The calls that a step needs at least; by default 100."),
    Parameter::string(
        "failures_percent_max",
        "The share of failures above that of the stable revision; by default 0.5.",
    ),
    Parameter::string(
        "latency_ratio_max",
        "How many times as long calls may take; by default 1.5.",
    ),
    Parameter::string(
        "memory_ratio_max",
        "How many times the memory instances may have; by default 2.",
    ),
    Parameter::integer(
        "shadow",
        "The share of calls that are copied to it in the steps of 0 percent, in percent: 1 to 100.",
    ),
    Parameter::string(
        "mismatches_percent_max",
        "The share of answers to copies that may differ, in percent; by default 1.",
    ),
    Parameter::string(
        "compare",
        "The header fields that are compared; by default `content-type,location`.",
    ),
    Parameter::string(
        "sticky",
        "`header:<name>` or `cookie:<name>`: requests with the same value stay with one revision.",
    ),
    Parameter::string("match", "`<header>:<value>`: requests with it go to the new revision."),
    Parameter::string("origin", "Where the code comes from, for the history."),
    Parameter::string("by", "Who does this, for the history."),
];

const OF_TRACE_LIST: &[Parameter] = &[
    Parameter::string("component", "Only traces with a span of this component."),
    Parameter::string("operation", "Only traces with this text in an operation."),
    Parameter::string("failed", "`true`: only traces with a failed span."),
    Parameter::string("requests", "`true`: only requests from outside."),
    Parameter::integer("duration_min_ms", "Only traces that took at least this long."),
    Parameter::integer("limit", "The maximum number of traces: 1 to 1,000, by default 100."),
];

const OF_LOGS: &[Parameter] = &[
    Parameter::string("component", "Only lines of this component."),
    Parameter::string("trace_id", "Only lines of this trace."),
    Parameter::string("request_id", "Only lines of requests with this `x-request-id`."),
    Parameter::string("text", "Only lines with this text."),
    Parameter::integer("after", "Only lines after the one with this number."),
    Parameter::integer("limit", "The maximum number of lines: 1 to 1,000, by default 200."),
];

const OF_EVENTS: &[Parameter] = &[
    Parameter::integer("after", "The position after which events are returned; by default 0."),
    Parameter::integer("limit", "The maximum number of events: 1 to 500, by default 100."),
];

const OF_DEAD_LETTERS: &[Parameter] = &[
    Parameter::string("after", "The id of the dead letter after which others are returned."),
    Parameter::integer("limit", "The maximum number of dead letters: 1 to 100, by default 100."),
];

const OF_BREAKERS: &[Parameter] = &[
    Parameter::string("caller", "The caller, as `GET /edges` shows it.").required(),
    Parameter::string("callee", "The callee, as `GET /edges` shows it.").required(),
    Parameter::string("function", "Only the entry of the manifest that names this function."),
    Parameter::string("mode", "`open`, `closed` or `automatic`.").required(),
];

const OF_REPLAY: &[Parameter] = &[
    Parameter::integer("from", "The beginning, in milliseconds since 1970.").required(),
    Parameter::integer("until", "The end (exclusive), in milliseconds since 1970.").required(),
];

/// The routes that are described.
pub(crate) fn described() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.described)
}

/// The list of routes, for a client that has chosen another path.
pub(super) fn list() -> String {
    let mut text = "There is nothing at this path. These are served:\n".to_owned();
    let lines = |token| described().filter(move |route| route.token == token).map(Route::line);
    text.extend(lines(false).map(|line| line + "\n"));
    text.push_str("With the token:\n");
    text.extend(lines(true).map(|line| line + "\n"));
    text
}
