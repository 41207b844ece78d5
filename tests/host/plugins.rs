//! Triggers of Spin's plugins: cron and command.

use crate::support::{Application, application, tessera, unwrapped};
use serde_json::Value;

fn cron(expression: &str, more: &str) -> Application {
    application(&format!(
        "[[trigger.cron]]\ncomponent = \"guest\"\ncron_expression = {expression:?}\n\
         [component.guest]\nsource = \"$cron\"\n{more}"
    ))
}

const COMMAND: &str = "[[trigger.command]]\ncomponent = \"guest\"\n\
    [component.guest]\nsource = \"$command\"\n";

/// The time in a line that the guest has printed.
fn called_at(line: &Value) -> Option<u64> {
    let text = line["line"].as_str().or_else(|| line["message"].as_str())?;
    text.split_once("called at ")?.1.trim().parse().ok()
}

#[tokio::test]
async fn a_component_is_called_at_the_times_of_its_cron_expression() {
    let host = cron("* * * * * *", "").host().start().await;
    let first = called_at(&host.log_line(|line| called_at(line).is_some()).await).unwrap();
    let later = |line: &Value| called_at(line).is_some_and(|time| time > first);
    host.log_line(later).await;
}

#[tokio::test]
async fn a_run_that_fails_is_logged_and_the_next_one_comes() {
    let host = cron("* * * * * *", "environment = { FAULT = \"no paper\" }\n").host().start().await;
    let failed = |line: &Value| {
        line["level"] == "ERROR"
            && line["message"].as_str().is_some_and(|it| it.contains("no paper"))
    };
    assert_eq!(host.log_line(failed).await["component"], "guest");
}

#[tokio::test]
async fn a_cron_trigger_needs_the_function_and_an_expression() {
    let app = cron("0 0 * * * *", "");
    let manifest = std::fs::read_to_string(app.manifest()).unwrap();
    let other = application("").with_file("spin.toml", manifest.replace("guest_cron", "guest_p2"));
    let (code, output) = up(&other, &[]).await;
    assert_ne!(code, Some(0));
    assert!(unwrapped(&output).contains("does not export `handle-cron-event`"), "{output}");
    let (code, output) = up(&cron("* * * * *", ""), &[]).await;
    assert_ne!(code, Some(0));
    assert!(unwrapped(&output).contains("not a cron expression"), "{output}");
}

/// Runs an application to its end.
async fn up(app: &Application, arguments: &[&str]) -> (Option<i32>, String) {
    let (manifest, state) = (app.manifest(), app.folder().join("state"));
    let (manifest, state) = (manifest.to_str().unwrap(), state.to_str().unwrap());
    let fixed = ["up", "--from", manifest, "--state-dir", state, "--listen", "127.0.0.1:0"];
    let more = ["--admin-listen", "127.0.0.1:0", "--quiet"];
    tessera(&[&fixed[..], &more[..], arguments].concat()).await
}

#[tokio::test]
async fn a_command_runs_once_and_its_exit_code_is_that_of_the_process() {
    let app = application(COMMAND);
    for (last, expected) in [("done", 0), ("fail", 1), ("exit", 1), ("trap", 1)] {
        let (code, output) = up(&app, &["--", "--flag", last]).await;
        assert_eq!(code, Some(expected), "{last}: {output}");
        assert!(output.contains(&format!("arguments: guest --flag {last}")), "{output}");
        assert!(output.contains("to standard error"), "{output}");
    }
}

#[tokio::test]
async fn a_component_that_is_no_program_is_refused_as_a_command() {
    let (code, output) = up(&application(&COMMAND.replace("$command", "$p2")), &[]).await;
    assert_ne!(code, Some(0));
    assert!(unwrapped(&output).contains("does not export `wasi:cli/run`"), "{output}");
}
