//! Command lines of `tessera` in files and pages: this host understands them.

use harness::tessera_binary;
use std::process::Stdio;
use tokio::process::Command;

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";
/// The exit code of an invalid command line.
const INVALID: i32 = 2;

/// Checks that `tessera` understands these arguments, without an effect.
pub(super) async fn understands(arguments: &[String]) {
    let mut command = Command::new(tessera_binary());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.env("TESSERA_ADMIN_URL", NOWHERE).env("TESSERA_ADMIN_TOKEN_FILE", "/no/such/file");
    // What starts or builds something ends before that; the others find no host.
    match arguments[0].as_str() {
        "up" => _ = command.arg("--launch-metadata-only"),
        "build" | "doctor" => _ = command.arg("--help"),
        _ => {}
    }
    let output = crate::support::soon(command.output()).await.expect("tessera starts");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(INVALID), "tessera {arguments:?}: {printed}");
}

/// The command lines of `tessera` in a text, each without the name of the program.
pub(super) fn in_text(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().map(str::trim);
    // A step of Jenkins, or an item of YAML.
    let lines = lines.map(|line| line.strip_prefix("sh '").unwrap_or(line).trim_end_matches('\''));
    let lines = lines.map(|line| line.strip_prefix("- ").unwrap_or(line));
    let lines = lines.map(|line| line.strip_prefix("run: ").unwrap_or(line));
    let commands = lines.filter_map(|line| line.strip_prefix("tessera "));
    commands
        .map(|command| {
            command.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect()
        })
        .collect()
}

/// Checks all command lines of a text, and returns their verbs.
pub(super) async fn check(text: &str) -> Vec<String> {
    let all = in_text(text);
    for arguments in &all {
        understands(arguments).await;
    }
    all.into_iter().map(|mut arguments| arguments.remove(0)).collect()
}

#[test]
fn command_lines_are_found() {
    let text =
        "tessera a\n  - tessera b --c \"$D\"\n sh 'tessera e'\n  run: tessera f\n # tessera g";
    let found = in_text(text);
    assert_eq!(found, [vec!["a"], vec!["b", "--c", "$D"], vec!["e"], vec!["f"]]);
}

#[tokio::test]
#[should_panic(expected = "unexpected argument")]
async fn an_unknown_flag_is_found() {
    check("tessera deploy cart --canaries 5").await;
}
