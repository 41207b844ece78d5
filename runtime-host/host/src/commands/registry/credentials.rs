//! `tessera registry login` and `logout`.

use super::print;
use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use crate::oci::{Credentials, Protocol, check_login, registry_of};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{IsTerminal as _, Read as _, Stdin, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// Maximum length of a name or a password.
const INPUT_MAX_BYTES: u64 = 64 * 1024;
/// How long a registry may take to check credentials.
const CHECK_TIMEOUT: Duration = Duration::from_secs(60);

/// Check the credentials for a registry, and keep them.
#[derive(Debug, Args)]
pub(super) struct Login {
    /// The registry, for example `ghcr.io`.
    server: String,
    /// The name of the user [default: it is asked for].
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// The password, or a token. Other users of this machine can see it in the list of processes
    /// [default: it is asked for].
    #[arg(short, long, value_name = "PASSWORD")]
    password: Option<String>,
    /// Read the password from the standard input.
    #[arg(long, conflicts_with = "password")]
    password_stdin: bool,
    /// Reach the registry without TLS.
    #[arg(short = 'k', long)]
    insecure: bool,
}

/// Remove the credentials for a registry.
#[derive(Debug, Args)]
pub(super) struct Logout {
    /// The registry, for example `ghcr.io`.
    server: String,
}

impl Login {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let registry = registry_of(&self.server)?;
        let user = match &self.username {
            Some(name) => name.clone(),
            None => asked("Username: ", "--username", line)?,
        };
        ensure!(!user.is_empty() && !user.contains(':'), "`{user}` is not the name of a user");
        let password = match &self.password {
            Some(password) => password.clone(),
            None if self.password_stdin => all_of_stdin()?,
            None => asked("Password: ", "--password-stdin", hidden_line)?,
        };
        ensure!(!password.is_empty(), "the password is empty");
        let credentials = Credentials { user: user.clone(), password };
        let client = Client::new(None, &OutboundPolicy::default())?;
        let protocol = if self.insecure { Protocol::Http } else { Protocol::Https };
        let check = check_login(&client, protocol, &registry, credentials.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let checked = runtime.block_on(async { tokio::time::timeout(CHECK_TIMEOUT, check).await });
        let seconds = CHECK_TIMEOUT.as_secs();
        checked
            .with_context(|| format!("no answer within {seconds} s"))
            .flatten()
            .with_context(|| format!("the login at {registry} failed"))?;
        credentials.keep_for_spin(&registry)?;
        print(&format!("Successfully logged in as {user} to registry {}", self.server));
        Ok(ExitCode::SUCCESS)
    }
}

impl Logout {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let registry = registry_of(&self.server)?;
        if !Credentials::forget_for_spin(&registry)? {
            bail!(
                "there are no credentials for {registry}. Those of `docker login` are removed with \
                 `docker logout {registry}`"
            );
        }
        print(&format!("Removed the credentials for registry {}", self.server));
        Ok(ExitCode::SUCCESS)
    }
}

/// What the user types.
fn asked(
    prompt: &str,
    flag: &str,
    read: impl FnOnce(&Stdin) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let input = std::io::stdin();
    ensure!(input.is_terminal(), "there is no terminal to ask at: use {flag}");
    eprint!("{prompt}");
    std::io::stderr().flush()?;
    read(&input)
}

fn line(input: &Stdin) -> anyhow::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A line that is not shown.
fn hidden_line(input: &Stdin) -> anyhow::Result<String> {
    let shown = tcgetattr(input)?;
    let mut hidden: Termios = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(input, OptionalActions::Flush, &hidden)?;
    let line = line(input);
    tcsetattr(input, OptionalActions::Flush, &shown)?;
    eprintln!();
    line
}

/// All that is written to the standard input, without the end of the last line.
fn all_of_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().take(INPUT_MAX_BYTES + 1).read_to_string(&mut text);
    read.context("the password can't be read from the standard input")?;
    ensure!(text.len() as u64 <= INPUT_MAX_BYTES, "it has more than {INPUT_MAX_BYTES} bytes");
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
