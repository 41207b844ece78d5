//! The reference tables in `docs/` are generated from the declarations of keys and flags: they are
//! between the comments `generated` and `end` of a page. `UPDATE_GOLDEN=1` rewrites them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::commands::up::Up;
use crate::triggers::http::FrontLimits;
use clap::{Arg, Args as _, Command};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tessera_manifest::keys::{
    Key, Number, application, component, events, limits, schedule, subscribe,
};

#[test]
fn the_limits_page_matches_the_declarations() {
    let up = Up::augment_args(Command::new("up"));
    let instances =
        |arg: &&Arg| ["instances_max", "memory_max_mib"].contains(&arg.get_id().as_str());
    let front = FrontLimits::augment_args(Command::new("front"));
    check_page(
        "limits.md",
        &[
            ("components", limits_table(limits::LIMITS)),
            ("instances", flags_table(&up, instances)),
            ("http-front", flags_table(&front, |_| true)),
        ],
    );
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
    number.default.map_or("required".to_owned(), grouped)
}

fn flags_table(command: &Command, wanted: impl Fn(&&Arg) -> bool) -> String {
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

/// A default that depends on the machine is at the end of the help text.
fn description_and_default(arg: &Arg) -> (String, String) {
    let help = arg.get_help().unwrap().to_string();
    if let Some((description, default)) = help.split_once(" [default: ") {
        return (format!("{description}."), default.trim_end_matches([']', '.']).to_owned());
    }
    let default = arg.get_default_values()[0].to_str().unwrap();
    (format!("{help}."), grouped(default.parse().unwrap()))
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
