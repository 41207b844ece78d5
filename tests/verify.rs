//! `cargo verify`: everything that must be green, in one command.
//!
//! Formatting, lints, components, host, tests, documentation: in this order, so that what is
//! found fastest is found first. Stops at the first failure.

use std::process::{Command, ExitCode};
use std::time::Instant;

/// Name, arguments of cargo, environment.
type Step = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// The feature that makes a host end where a test says.
const FAULT_POINTS: &str = "tessera/fault-points";

const STEPS: &[Step] = &[
    ("formatting", &["fmt", "--all", "--check"], &[]),
    (
        "lints",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            FAULT_POINTS,
            "--quiet",
            "--",
            "--deny",
            "warnings",
        ],
        &[],
    ),
    ("components", &["functions", "--quiet"], &[]),
    ("guests", &["guests", "--quiet"], &[]),
    // All targets, so that the host has the features that the tests are built with and no
    // dependency is compiled twice. Its fault points let tests kill it where it hurts.
    (
        "host",
        &["build", "--workspace", "--all-targets", "--features", FAULT_POINTS, "--quiet"],
        &[],
    ),
    ("tests", &["test", "--workspace", "--features", FAULT_POINTS], &[]),
    (
        "documentation",
        &["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"],
        &[("RUSTDOCFLAGS", "--deny warnings")],
    ),
];

fn main() -> ExitCode {
    for (name, arguments, environment) in STEPS {
        eprintln!("==> {name}: cargo {}", arguments.join(" "));
        let started = Instant::now();
        let mut cargo = Command::new("cargo");
        let status = cargo.args(*arguments).envs(environment.iter().copied()).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("==> {name} failed");
            return ExitCode::FAILURE;
        }
        eprintln!("==> {name} took {} s", started.elapsed().as_secs());
    }
    ExitCode::SUCCESS
}
