//! The environment variables of the process: those of flags, those of Spin that have no flag, and those
//! of Spin without effect here.

use anyhow::{anyhow, bail};
use clap::{Arg, Command};
use std::ffi::OsStr;

/// The flag for which an empty value has a meaning: no files.
const MEANS_NONE: &str = "log_dir";

/// The names of variables, or their beginnings, that Spin reads and this host does not, and what is
/// there instead.
const OTHERS: [(&str, &str); 3] = [
    ("SPIN_WASMTIME_", "`--instances-max` and `--memory-max-mib` limit instances"),
    ("SPIN_DISABLE_LOG_TO_TRACING", "the output of components is exported as logs, not in spans"),
    ("SPIN_OTEL_TRACING_LEVEL", "each call, operation and outbound request is a span"),
];

/// The variables with the number of instances, the most important one first.
const INSTANCES: [&str; 2] = ["SPIN_WASMTIME_INSTANCE_COUNT", "SPIN_MAX_INSTANCE_COUNT"];
/// With the value 0, there is no pool of instances.
const POOLING: &str = "SPIN_WASMTIME_POOLING";

/// What Spin's variables say about instances. Those of them that are empty are not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SpinInstances {
    pub(super) count: Option<u32>,
    pub(super) without_pool: bool,
}

impl SpinInstances {
    /// Those of this process.
    ///
    /// # Errors
    /// Which variable has a value that means nothing.
    #[expect(clippy::disallowed_methods, reason = "these are variables of Spin without a flag")]
    pub(super) fn of_process() -> anyhow::Result<Self> {
        Self::of(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn of(value: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let named = |name| Some((name, value(name)?));
        let count = INSTANCES.into_iter().find_map(named).map(|(name, text)| match text.parse() {
            Ok(count @ 1..) => Ok(count),
            _ => Err(anyhow!("{name} is `{text}`: write a number of instances, at least 1")),
        });
        let without_pool = match value(POOLING).as_deref() {
            Some("0") => true,
            Some("1") | None => false,
            Some(text) => bail!("{POOLING} is `{text}`: write 0 or 1"),
        };
        Ok(Self { count: count.transpose()?, without_pool })
    }
}

/// The same command, for which an empty variable of a flag counts as one that is not set: who can't
/// remove a variable makes it empty.
pub(super) fn ignore_empty(command: Command) -> Command {
    let with_value = |arg: Arg| match arg.get_env().is_some_and(is_empty) {
        true if arg.get_id() != MEANS_NONE => arg.env(None::<&'static str>),
        _ => arg,
    };
    command.mut_args(with_value).mut_subcommands(ignore_empty)
}

#[expect(clippy::disallowed_methods, reason = "clap does not say whether a variable is empty")]
fn is_empty(name: &OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

/// Logs a line for each kind of Spin's variables that is set and has no effect.
#[expect(clippy::disallowed_methods, reason = "these are not the settings of this host")]
pub(super) fn warn_of_variables_without_effect() {
    let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    let names: Vec<String> = set.filter_map(|(name, _)| name.into_string().ok()).collect();
    for warning in warnings(&names) {
        tracing::warn!("{warning}");
    }
}

/// The warnings about these variables, which are set.
fn warnings(names: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    let obeyed = |name: &&str| INSTANCES.contains(name) || *name == POOLING;
    let mut rest: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !obeyed(name)).collect();
    for (beginning, instead) in OTHERS {
        let (found, others) = rest.into_iter().partition(|name| name.starts_with(beginning));
        rest = others;
        let found: Vec<&str> = found;
        if !found.is_empty() {
            warnings.push(format!("{}: {instead}", without_effect(&found)));
        }
    }
    warnings
}

fn without_effect(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    let verb = if names.len() == 1 { "has" } else { "have" };
    format!("{} {verb} no effect on this host", names.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        warnings(&names).join("\n")
    }

    #[test]
    fn each_kind_of_variables_without_effect_has_one_line() {
        let text = of(&[
            "PATH",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "SPIN_WASMTIME_TOTAL_TABLES",
            "SPIN_WASMTIME_TOTAL_STACKS",
            "SPIN_WASMTIME_INSTANCE_COUNT",
            "SPIN_WASMTIME_POOLING",
            "SPIN_MAX_INSTANCE_COUNT",
            "SPIN_OTEL_TRACING_LEVEL",
            "SPIN_VARIABLE_WASMTIME",
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        let both = "SPIN_WASMTIME_TOTAL_STACKS, SPIN_WASMTIME_TOTAL_TABLES have no effect";
        assert!(lines[0].starts_with(both), "{text}");
        assert!(lines[1].starts_with("SPIN_OTEL_TRACING_LEVEL has no effect"), "{text}");
    }

    #[test]
    fn variables_about_instances_are_those_of_spin() {
        let of = |set: &[(&str, &str)]| {
            SpinInstances::of(|name| {
                let found = set.iter().find(|(one, _)| *one == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let [first, second] = INSTANCES;
        assert_eq!(of(&[]).unwrap(), SpinInstances::default());
        assert_eq!(of(&[(second, "7")]).unwrap().count, Some(7));
        assert_eq!(of(&[(second, "7"), (first, "8")]).unwrap().count, Some(8));
        assert!(of(&[(POOLING, "0")]).unwrap().without_pool);
        assert!(!of(&[(POOLING, "1")]).unwrap().without_pool);
        for (name, value) in [(first, "0"), (second, "many"), (POOLING, "no")] {
            let error = of(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name} is `{value}`: write")), "{error}");
        }
    }
}
