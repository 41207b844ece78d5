//! `tessera doctor`: reports problems and how to fix them. Changes nothing.

use super::Application;
use crate::application::{self, FileOptions, GuestOutputOptions, InitialData, OperatorLimits};
use crate::engine::{Capacity, EngineOptions, Reuse};
use clap::Args;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use tessera_manifest::App;

/// Report problems with the application and this machine, and how to fix them.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    application: Application,
    /// The address to check for the application.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000",
          value_parser = super::listen::address)]
    listen: SocketAddr,
    /// The address to check for the admin listener.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001",
          value_parser = super::listen::address)]
    admin_listen: SocketAddr,
}

/// One thing that was looked at.
struct Finding {
    what: String,
    /// The problem and how to fix it; `None` if there is none.
    fault: Option<String>,
}

/// Show warnings, which do not prevent the application from running.
fn warn(app: &App) {
    if let Some(warnings) = app.origin.errors(tessera_manifest::warnings(app)) {
        super::show(&warnings);
    }
}

impl Doctor {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut findings = toolchain();
        let mut policies = Vec::new();
        findings.push(port("application", self.listen));
        findings.push(port("admin", self.admin_listen));
        match self.application.load() {
            Ok(app) => {
                warn(&app);
                policies = application::policies_table(&app);
                findings.extend(application(&app, self.listen));
            }
            Err(error) => {
                super::report(&error);
                findings.push(Finding {
                    what: "manifest".to_owned(),
                    fault: Some("fix the problems marked above".to_owned()),
                });
            }
        }
        let faults = findings.iter().filter(|finding| finding.fault.is_some()).count();
        for finding in &findings {
            match &finding.fault {
                None => eprintln!("  ok     {}", finding.what),
                Some(fault) => eprintln!("  FAIL   {}\n         {fault}", finding.what),
            }
        }
        if !policies.is_empty() {
            eprintln!("\nPolicies in effect:");
            policies.iter().for_each(|line| eprintln!("  {line}"));
        }
        eprintln!("\n{} checks, {faults} failed", findings.len());
        Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn toolchain() -> Vec<Finding> {
    let runs = |program: &str| {
        let version = std::process::Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let finding = |what: &str, is_well: bool, advice: &str| Finding {
        what: what.to_owned(),
        fault: (!is_well).then(|| advice.to_owned()),
    };
    vec![
        finding("cargo", runs("cargo"), "install Rust from https://rustup.rs"),
        finding(
            "Rust target wasm32-wasip2",
            super::build::target_installed(),
            "run `rustup target add wasm32-wasip2` (`tessera build` does it for you)",
        ),
    ]
}

fn port(purpose: &str, address: SocketAddr) -> Finding {
    let fault = TcpListener::bind(address).err().map(|error| {
        format!("{error}: stop what listens there, or choose another address for `tessera up`")
    });
    Finding { what: format!("{purpose} address {address}"), fault }
}

fn application(app: &App, listen: SocketAddr) -> Vec<Finding> {
    let manifest = Finding { what: format!("manifest of {}", app.name), fault: None };
    let missing: Vec<Finding> = tessera_manifest::check_files(app)
        .into_iter()
        .map(|problem| {
            let advice = problem.advice().unwrap_or("correct its path in the manifest");
            Finding { what: "file".to_owned(), fault: Some(format!("{problem}: {advice}")) }
        })
        .collect();
    let rest = if missing.is_empty() { vec![rehearsal(app, listen)] } else { missing };
    std::iter::once(manifest).chain(rest).collect()
}

/// Start everything except the listeners, with empty temporary stores, to find what prevents the
/// application from starting.
fn rehearsal(app: &App, listen: SocketAddr) -> Finding {
    let outcome = rehearse(app, listen);
    let count = outcome.as_ref().map_or(app.components.len(), |count| *count);
    let chain = |error: anyhow::Error| error.chain().map(ToString::to_string).collect::<Vec<_>>();
    Finding {
        what: format!("{count} built components"),
        fault: outcome.err().map(|error| chain(error).join(";\n         ")),
    }
}

fn rehearse(app: &App, listen: SocketAddr) -> anyhow::Result<usize> {
    let folder = tempfile::tempdir()?;
    // Compiled code is used where there is some, but none is left where there was none.
    let cache = super::default_state_dir(app).join("cache");
    let options = application::Options {
        state_dir: Some(folder.path().to_owned()),
        default_state_dir: super::default_state_dir(app),
        cache_dir: cache.is_dir().then_some(cache),
        runtime_config_file: None,
        data: InitialData::default(),
        variables: Vec::new(),
        environment: Vec::new(),
        arguments: Vec::new(),
        files: FileOptions::default(),
        output: GuestOutputOptions::default(),
        engine: EngineOptions {
            // None is made.
            capacity: Capacity {
                instances_max: u32::try_from(app.components.len())?,
                memory_max_bytes: usize::MAX,
            },
            reuse: Reuse::default(),
            pooling: true,
            debug_info: false,
            keeps_code: true,
        },
        limits: OperatorLimits::default(),
        // Nothing is called.
        answers_max_bytes: 0,
        bars: false,
        own_certificate: None,
        logs_access: false,
        export: Arc::default(),
        logs: Arc::default(),
        insecure_defaults: false,
        chaos: false,
        reread: Arc::new(|| anyhow::bail!("it is only started to find out whether it can be")),
    };
    tokio::runtime::Runtime::new()?.block_on(async {
        let running = application::start(app.clone(), options, listen).await?;
        let count = running.components();
        running.close().await?;
        Ok(count)
    })
}
