//! Programs that keep credentials for Docker, for example `docker-credential-pass`.

use super::Credentials;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// How long a helper may take. It may ask the user.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Maximum size of its output.
const OUTPUT_MAX_BYTES: u64 = 64 * 1024;
/// The name of a user whose password is a token that only Docker can use.
const IDENTITY_TOKEN: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// The credentials that a helper has for a registry.
pub(super) async fn ask(name: &str, registry: &str) -> anyhow::Result<Option<Credentials>> {
    let program = format!("docker-credential-{name}");
    let answer = tokio::time::timeout(TIMEOUT, run(&program, registry)).await;
    let answer = answer.with_context(|| format!("no answer within {} s", TIMEOUT.as_secs()));
    let answer = answer.flatten().with_context(|| format!("the program `{program}`"))?;
    let Some(output) = answer else { return Ok(None) };
    // The cause would quote the secret.
    let answer: Option<Answer> = serde_json::from_slice(&output).ok();
    let Answer { username, secret } =
        answer.with_context(|| format!("the answer of the program `{program}` is invalid"))?;
    if username == IDENTITY_TOKEN {
        bail!("the program `{program}` has an identity token, which is not supported");
    }
    Ok(Some(Credentials { user: username, password: secret }))
}

/// The output of a helper; none if it has no credentials, for which it fails.
async fn run(program: &str, registry: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("it can't be started")?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    if let Some(mut input) = input {
        input.write_all(registry.as_bytes()).await.context("it does not read")?;
    }
    let mut answer = Vec::new();
    if let Some(output) = output {
        output.take(OUTPUT_MAX_BYTES).read_to_end(&mut answer).await.context("no answer")?;
    }
    Ok(child.wait().await?.success().then_some(answer))
}
