//! `tessera registry`: applications and components in registries, as with `spin registry`.

mod credentials;
mod pull;
mod push;

use super::Application;
use crate::telemetry::{LogFormat, init_logs};
use clap::{Args, Subcommand};
use credentials::{Login, Logout};
use pull::Pull;
use push::Push;
use std::process::ExitCode;
use std::sync::Arc;

/// Push applications to a registry, and pull them.
#[derive(Debug, Args)]
pub(crate) struct Registry {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Push an application, or a single component, to a registry.
    Push(Box<Push>),
    /// Pull an application from a registry, so that it can be started without the registry.
    Pull(Pull),
    /// Check the credentials for a registry, and keep them where `spin registry login` does.
    Login(Login),
    /// Remove the credentials for a registry that `login` has kept.
    Logout(Logout),
}

impl Registry {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        init_logs(LogFormat::default(), "info", Arc::default(), Arc::default())?;
        match self.verb {
            Verb::Push(push) => push.run(),
            Verb::Pull(pull) => pull.run(),
            Verb::Login(login) => login.run(),
            Verb::Logout(logout) => logout.run(),
        }
    }
}

/// Prints a result of the command.
#[expect(clippy::print_stdout, reason = "results, unlike logs, are for other programs, too")]
fn print(text: &str) {
    println!("{text}");
}
