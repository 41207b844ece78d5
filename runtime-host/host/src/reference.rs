//! The reference tables in `docs/` are generated from the declarations of keys, flags, metrics and
//! routes: they are between the comments `generated` and `end` of a page. `UPDATE_GOLDEN=1` rewrites them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::admin;
use crate::commands::build::Build;
use crate::commands::chaos::Chaos;
use crate::commands::check::Check;
use crate::commands::doctor::Doctor;
use crate::commands::flags::Flags;
use crate::commands::health::Health;
use crate::commands::projects::{Add, New};
use crate::commands::registry::Registry;
use crate::commands::rollouts::Deploy;
use crate::commands::up::Up;
use crate::commands::watch::Watch;
use crate::telemetry::{Declaration, Metrics};
use crate::triggers::http::FrontLimits;
use clap::{Arg, Args, Command};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tessera_manifest::keys::{
    Key, Number, application, calls, component, events, limits, policy, schedule, subscribe,
};

#[test]
fn the_limits_page_matches_the_declarations() {
    check_page(
        "limits.md",
        &[
            ("components", limits_table(limits::LIMITS)),
            ("instances", limit_flags_table(&flags_of::<Up>(), is_instance_limit)),
            ("http-front", limit_flags_table(&flags_of::<FrontLimits>(), |_| true)),
        ],
    );
}

#[test]
fn the_command_line_page_matches_the_declarations() {
    let front = flags_of::<FrontLimits>();
    let is_limit =
        |arg: &&Arg| is_instance_limit(arg) || front.get_arguments().any(|one| one == *arg);
    let chaos = |verb: &str| {
        let command = flags_of::<Chaos>();
        flags_table(command.find_subcommand(verb).unwrap(), |arg| !arg.is_positional())
    };
    let flags = |verb: &str| {
        let command = flags_of::<Flags>();
        flags_table(command.find_subcommand(verb).unwrap(), |arg| !arg.is_positional())
    };
    let registry = |verb: &str| {
        let command = flags_of::<Registry>();
        flags_table(command.find_subcommand(verb).unwrap(), |arg| !arg.is_positional())
    };
    check_page(
        "reference/cli.md",
        &[
            ("up", flags_table(&flags_of::<Up>(), |arg| !is_limit(arg))),
            ("build", flags_table(&flags_of::<Build>(), |_| true)),
            ("watch", flags_table(&flags_of::<Watch>(), |arg| !arg.is_positional())),
            ("new", flags_table(&flags_of::<New>(), |arg| !arg.is_positional())),
            ("add", flags_table(&flags_of::<Add>(), |arg| !arg.is_positional())),
            ("doctor", flags_table(&flags_of::<Doctor>(), |_| true)),
            ("check", flags_table(&flags_of::<Check>(), |arg| !arg.is_positional())),
            ("registry-push", registry("push")),
            ("registry-pull", registry("pull")),
            ("registry-login", registry("login")),
            ("health", flags_table(&flags_of::<Health>(), |_| true)),
            ("deploy", flags_table(&flags_of::<Deploy>(), |arg| !arg.is_positional())),
            ("flags-set", flags("set")),
            ("flags-evaluate", flags("evaluate")),
            ("chaos-add", chaos("add")),
            ("chaos-run", chaos("run")),
            ("chaos-remove", chaos("remove")),
        ],
    );
}

#[test]
fn the_metrics_page_matches_the_declarations() {
    let metrics = Metrics::default();
    let page = |wanted: Group| {
        metrics_table(metrics.declarations.iter().filter(|metric| group(metric) == wanted))
    };
    check_page(
        "reference/metrics.md",
        &[
            ("calls", page(Group::Calls)),
            ("instances", page(Group::Instances)),
            ("policies", page(Group::Policies)),
            ("faults", page(Group::Faults)),
            ("feature-flags", page(Group::FeatureFlags)),
            ("http-front", page(Group::HttpFront)),
            ("events", page(Group::Events)),
            ("readiness", page(Group::Readiness)),
            ("process", page(Group::Process)),
        ],
    );
}

#[test]
fn the_admin_api_page_matches_the_declarations() {
    let routes = admin::described().map(|route| {
        let path = format!("`{} {}`", route.method, route.path);
        let token = if route.token { "yes" } else { "" };
        [path, route.summary.to_owned(), token.to_owned()]
    });
    let routes = table(["method and path", "response", "token"], routes);
    check_page("reference/admin-api.md", &[("routes", routes)]);
}

#[test]
fn the_manifest_page_matches_the_declarations() {
    check_page(
        "manifest.md",
        &[
            ("application", keys_table(application::APPLICATION)),
            ("events", keys_table(events::EVENTS)),
            ("component", keys_table(component::COMPONENT)),
            ("schedule", keys_table(schedule::SCHEDULE)),
            ("subscribe", keys_table(subscribe::SUBSCRIBE)),
        ],
    );
}

#[test]
fn the_policies_page_matches_the_declarations() {
    check_page(
        "policies.md",
        &[
            ("policy", keys_table(policy::POLICY)),
            ("retry", keys_table(policy::RETRY_KEYS)),
            ("hedge", keys_table(policy::HEDGE_KEYS)),
            ("breaker", keys_table(policy::BREAKER_KEYS)),
            ("bulkhead", keys_table(policy::BULKHEAD_KEYS)),
            ("cache", keys_table(policy::CACHE_KEYS)),
            ("calls", keys_table(calls::CALLS)),
        ],
    );
}

/// The log has its own defaults, because it is also used without a manifest.
#[test]
fn the_event_log_has_the_defaults_of_its_keys() {
    let default = |name: &str| {
        let key = events::EVENTS.iter().find(|key| key.name() == name).unwrap();
        let Key::Number(number) = key else { panic!("{name} is not a number") };
        number.default.unwrap()
    };
    let options = tessera_events::Options::default();
    let age = Duration::from_secs(default("retention_hours") * 60 * 60);
    assert_eq!(options.retention_age_max, age);
    assert_eq!(options.retention_bytes_max, default("retention_max_mib") << 20);
}

#[expect(clippy::disallowed_methods, reason = "a test has no flags")]
fn check_page(page: &str, tables: &[(&str, String)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = fs::read_to_string(&path).unwrap();
    let mut expected = text.clone();
    for (name, table) in tables {
        let begin = format!("<!-- generated: {name} -->");
        let (before, rest) = expected.split_once(&begin).expect(&begin);
        let (_, after) = rest.split_once("<!-- end -->").expect(&begin);
        expected = format!("{before}{begin}\n\n{table}\n<!-- end -->{after}");
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, expected).unwrap();
    } else {
        assert_eq!(text, expected, "docs/{page} is outdated: run this test with UPDATE_GOLDEN=1");
    }
}

/// A Markdown table.
fn table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("{}|\n", "|---".repeat(COLUMNS));
    let rows = rows.map(|cells| line(&cells));
    [line(&header.map(str::to_owned)), rule].into_iter().chain(rows).collect()
}

fn limits_table(keys: &[Key]) -> String {
    let row = |key: &Key| {
        let Key::Number(number) = key else { panic!("{} is not a number", key.name()) };
        [
            format!("`{}`", number.name),
            number.unit.to_owned(),
            range(number),
            default(number),
            key.description().to_owned(),
        ]
    };
    table(["key", "unit", "range", "default", "description"], keys.iter().map(row))
}

fn keys_table(keys: &[Key]) -> String {
    let row = |key: &Key| {
        let (values, default) = match key {
            Key::Number(number) => (format!("{} {}", range(number), number.unit), default(number)),
            Key::Value(value) => (value.values.to_owned(), value.default.to_owned()),
        };
        [format!("`{}`", key.name()), values, default, key.description().to_owned()]
    };
    table(["key", "values", "default", "description"], keys.iter().map(row))
}

fn range(number: &Number) -> String {
    format!("{} to {}", grouped(*number.range.start()), grouped(*number.range.end()))
}

fn default(number: &Number) -> String {
    let Some(default) = number.default else { return "required".to_owned() };
    match number.stock_default {
        Some(stock) if stock != default => format!("{} ({})", grouped(default), grouped(stock)),
        _ => grouped(default),
    }
}

/// The tables of metrics.
#[derive(PartialEq, Eq)]
enum Group {
    Calls,
    Instances,
    Policies,
    Faults,
    FeatureFlags,
    HttpFront,
    Events,
    Readiness,
    Process,
}

fn group(metric: &Declaration) -> Group {
    match metric.name.trim_start_matches("tessera_") {
        _ if metric.kind == "histogram" => Group::Calls,
        name if name.starts_with("schedule_") || name.starts_with("rollout_") => Group::Calls,
        "ready" | "store_usable" | "event_log_usable" => Group::Readiness,
        name if name.starts_with("http_") => Group::HttpFront,
        name if name.starts_with("event") => Group::Events,
        name if name.starts_with("policy_") => Group::Policies,
        name if name.starts_with("faults_") => Group::Faults,
        name if name.starts_with("feature_flag_") => Group::FeatureFlags,
        name if ["process_", "build_", "telemetry_"].iter().any(|one| name.starts_with(one)) => {
            Group::Process
        }
        _ => Group::Instances,
    }
}

fn metrics_table<'a>(metrics: impl Iterator<Item = &'a Declaration>) -> String {
    let row = |metric: &Declaration| {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let meaning = format!("{}.", metric.help);
        [format!("`{}`", metric.name), metric.kind.clone(), labels.join(", "), meaning]
    };
    table(["name", "type", "labels", "meaning"], metrics.map(row))
}

fn flags_of<A: Args>() -> Command {
    A::augment_args(Command::new("command"))
}

fn is_instance_limit(arg: &&Arg) -> bool {
    ["instances_max", "memory_max_mib", "answers_max_mib"].contains(&arg.get_id().as_str())
}

fn flags_table(command: &Command, wanted: impl Fn(&&Arg) -> bool) -> String {
    let row = |arg: &Arg| {
        let short = arg.get_short().map_or(String::new(), |short| format!("`-{short}`, "));
        let variable = arg.get_env().map_or(String::new(), |name| code(name.to_str().unwrap()));
        let (description, default) = description_and_default(arg);
        [
            match arg.get_long() {
                Some(long) => format!("{short}`--{long}{}`", value(arg)),
                None => format!("`--{}…`", value(arg)),
            },
            variable,
            default,
            description,
        ]
    };
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let rows = shown.filter(wanted).map(row);
    table(["flag", "variable", "default", "description"], rows)
}

/// The value of a flag, or its possible values.
fn value(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let possible = arg.get_possible_values();
    match possible.iter().map(|value| value.get_name()).collect::<Vec<_>>() {
        names if names.is_empty() => format!(" <{}>", arg.get_value_names().unwrap()[0]),
        names => format!(" <{}>", names.join("\\|")),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn limit_flags_table(command: &Command, wanted: impl Fn(&&Arg) -> bool) -> String {
    let row = |arg: &Arg| {
        let flag = arg.get_long().unwrap();
        let variable = arg.get_env().unwrap().to_str().unwrap();
        let upper = flag.replace('-', "_").to_uppercase();
        assert_eq!(variable, format!("TESSERA_{upper}"), "of --{flag}");
        let (description, default) = description_and_default(arg);
        [format!("`--{flag}`"), unit(arg), flag_range(command, flag), default, description]
    };
    let rows = command.get_arguments().filter(wanted).map(row);
    table(["flag", "unit", "range", "default", "description"], rows)
}

fn unit(arg: &Arg) -> String {
    let name = arg.get_value_names().unwrap()[0].as_str();
    let units = [("COUNT", "count"), ("MIB", "MiB"), ("MS", "ms"), ("BYTES_PER_S", "bytes/s")];
    units.iter().find(|(value_name, _)| *value_name == name).unwrap().1.to_owned()
}

/// A default that depends on something is at the end of the help text.
fn description_and_default(arg: &Arg) -> (String, String) {
    let help = arg.get_help().unwrap().to_string();
    if let Some((description, default)) = help.split_once(" [default: ") {
        return (format!("{description}."), default.trim_end_matches([']', '.']).to_owned());
    }
    let default = match arg.get_default_values() {
        [default] if arg.get_action().takes_values() => default.to_str().unwrap(),
        _ => "",
    };
    let default = match default.parse() {
        Ok(number) => grouped(number),
        Err(_) if default.is_empty() => String::new(),
        Err(_) => code(default),
    };
    (format!("{help}."), default)
}

/// The range of a flag's value. clap shows it only in its error message, so 0, which no flag
/// accepts, is tried.
fn flag_range(command: &Command, flag: &str) -> String {
    let command = command.clone().no_binary_name(true);
    let error = command.try_get_matches_from([format!("--{flag}=0")]).unwrap_err().to_string();
    let (_, bounds) = error.split_once("0 is not in ").expect(&error);
    let (least, most) = bounds.lines().next().unwrap().split_once("..").unwrap();
    let least = grouped(least.parse().unwrap());
    match most.trim_start_matches('=').parse::<u64>().unwrap() {
        most if most >= u64::from(u32::MAX) => format!("at least {least}"),
        most => format!("{least} to {}", grouped(most)),
    }
}

/// A number with a comma between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
