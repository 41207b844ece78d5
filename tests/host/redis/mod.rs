//! Redis: commands of guests, messages for guests, and stores in it.

mod commands;
mod messages;
mod stores;

use crate::support::soon;
use servers::Server;

/// Runs a command of the server's own client.
async fn ask(server: &Server, arguments: &[&str]) -> String {
    let run = tokio::process::Command::new("redis-cli")
        .args(["-p", &server.address().port().to_string()])
        .args(arguments)
        .kill_on_drop(true)
        .output();
    let output = soon(run).await.expect("redis-cli runs");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn url(server: &Server) -> String {
    format!("redis://{}", server.address())
}
