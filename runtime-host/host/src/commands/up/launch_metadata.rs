//! `--launch-metadata-only`: the flags of the command, as programs ask Spin for them.

use super::Up;
use clap::{Args as _, Command};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// Prints the flags.
pub(super) fn print() -> anyhow::Result<ExitCode> {
    eprintln!("{}", serde_json::to_string_pretty(&flags())?);
    Ok(ExitCode::SUCCESS)
}

fn flags() -> Value {
    let command = Up::augment_args(Command::new("up"));
    let flag = |arg: &clap::Arg| {
        let short = arg.get_short().map(|short| ("short".to_owned(), json!(format!("-{short}"))));
        let long = arg.get_long().map(|long| ("long".to_owned(), json!(format!("--{long}"))));
        Value::Object(short.into_iter().chain(long).collect::<Map<_, _>>())
    };
    let flags = command.get_arguments().filter(|arg| !arg.is_positional());
    json!({ "all_flags": flags.map(flag).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_their_short_and_long_names() {
        let flags = flags();
        let flags = flags["all_flags"].as_array().unwrap();
        assert!(flags.contains(&json!({ "short": "-L", "long": "--log-dir" })), "{flags:?}");
        assert!(flags.contains(&json!({ "long": "--listen" })), "{flags:?}");
    }
}
