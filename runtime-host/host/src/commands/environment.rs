//! The environment variables of the process: those of flags, and those of Spin without effect here.

use clap::{Arg, Command};
use std::ffi::OsStr;

/// The flag for which an empty value has a meaning: no files.
const MEANS_NONE: &str = "log_dir";

/// The names of variables, or their beginnings, that Spin reads and this host does not, and what is
/// there instead.
const OTHERS: [(&str, &str); 5] = [
    ("SPIN_WASMTIME_POOLING", "`--disable-pooling` has instances made without a pool"),
    ("SPIN_WASMTIME_", "`--instances-max` and `--memory-max-mib` limit instances"),
    ("SPIN_MAX_INSTANCE_COUNT", "`--instances-max` limits instances"),
    ("SPIN_DISABLE_LOG_TO_TRACING", "the output of components is exported as logs, not in spans"),
    ("SPIN_OTEL_TRACING_LEVEL", "each call, operation and outbound request is a span"),
];

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
    let mut rest: Vec<&str> = names.iter().map(String::as_str).collect();
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
            "SPIN_WASMTIME_INSTANCE_COUNT",
            "SPIN_WASMTIME_POOLING",
            "SPIN_MAX_INSTANCE_COUNT",
            "SPIN_VARIABLE_WASMTIME",
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("SPIN_WASMTIME_POOLING has no effect"), "{text}");
        assert!(lines[1].starts_with("SPIN_WASMTIME_INSTANCE_COUNT has no effect"), "{text}");
        assert!(lines[2].starts_with("SPIN_MAX_INSTANCE_COUNT has no effect"), "{text}");
    }
}
