//! `cargo verify`: all checks in one command. `cargo soak`: only the soak test with customers,
//! hostile clients, kills and pauses, and its dependencies.
//!
//! Steps come in an order in which what is found fastest is found first; the first failure ends the
//! run. What could not be checked here is listed at the end, and is a failure in CI.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Name, arguments of cargo, environment.
type Step = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// The feature that makes a host end where a test says.
const FAULT_POINTS: &str = "tessera/fault-points";

const LINTS: &[Step] = &[
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
];

/// A check by a program other than cargo.
struct Tool {
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// How to install the program.
    installation: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "spelling",
        program: "typos",
        arguments: &[],
        installation: "python3 -m pip install typos",
    },
    Tool {
        name: "book",
        program: "mdbook",
        arguments: &["build"],
        installation: "cargo install --locked --no-default-features mdbook",
    },
];

const FUNCTIONS: Step = ("functions", &["functions", "--quiet"], &[]);
const BRIDGES: Step = ("bridges", &["bridges", "--quiet"], &[]);
/// With a test target, so that the host has the features that the tests are built with and no
/// dependency is compiled twice. Its fault points let tests kill it where it hurts.
const HOST: Step = (
    "host",
    &[
        "build",
        "--workspace",
        "--bin",
        "tessera",
        "--test",
        "shop",
        "--features",
        FAULT_POINTS,
        "--quiet",
    ],
    &[],
);

const TESTS: &[Step] = &[
    ("guests", &["guests", "--quiet"], &[]),
    HOST,
    // A run that fails says all that it can find.
    ("tests", &["test", "--workspace", "--features", FAULT_POINTS, "--no-fail-fast"], &[]),
    (
        "documentation",
        // With the features and the kinds of targets of the lints, so that no dependency is checked
        // twice: examples bring in the dependencies of tests.
        &[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
            "--lib",
            "--bins",
            "--examples",
            "--features",
            FAULT_POINTS,
            "--quiet",
        ],
        &[("RUSTDOCFLAGS", "--deny warnings")],
    ),
];

const SOAK: &[Step] = &[
    FUNCTIONS,
    BRIDGES,
    HOST,
    (
        "soak",
        &[
            "test",
            "--quiet",
            "--workspace",
            "--features",
            FAULT_POINTS,
            "--test",
            "shop",
            "--",
            "--nocapture",
            "a_bad_day",
        ],
        &[],
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        [] => verify(),
        ["soak"] => all(SOAK, None),
        _ => Err(format!("unknown arguments: `{}`", arguments.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("==> {reason}");
            ExitCode::FAILURE
        }
    }
}

fn verify() -> Result<(), String> {
    let list = std::env::temp_dir().join(format!("tessera-skipped-{}", std::process::id()));
    // One of an earlier process with this number.
    let _ = std::fs::remove_file(&list);
    let mut skipped = Vec::new();
    for tool in TOOLS {
        skipped.extend(tool.run()?);
    }
    all(LINTS, None)?;
    skipped.extend(dependencies()?);
    all(&[FUNCTIONS, BRIDGES], None)?;
    all(TESTS, Some(&list))?;
    let tests = std::fs::read_to_string(&list).unwrap_or_default();
    let _ = std::fs::remove_file(&list);
    skipped.extend(tests.lines().map(ToOwned::to_owned));
    let advisories = advisories()?;
    for reason in skipped.iter().chain(&advisories) {
        eprintln!("==> skipped: {reason}");
    }
    // The list of advisories lies on another server: that this one can't be reached is no fault of
    // what is checked.
    if skipped::in_ci() && !skipped.is_empty() {
        return Err(format!("{} checks were skipped, which CI does not allow", skipped.len()));
    }
    Ok(())
}

impl Tool {
    /// Runs the check; the reason if the program is not installed.
    fn run(&self) -> Result<Option<String>, String> {
        if !succeeds(self.program, &["--version"]) {
            let Self { name, program, installation, .. } = self;
            return Ok(Some(format!("{name}: {program} is not installed (`{installation}`)")));
        }
        run(self.name, self.program, self.arguments, &[], None).map(|()| None)
    }
}

/// What cargo-deny says of the dependencies; the reason if it can't say anything.
fn dependencies() -> Result<Vec<String>, String> {
    if !succeeds("cargo", &["deny", "--version"]) {
        let reason =
            "dependencies: cargo-deny is not installed (`cargo install --locked cargo-deny`)";
        return Ok(vec![reason.to_owned()]);
    }
    // Warnings are about several versions of one crate, of which there are many.
    let check = ["deny", "--log-level", "error", "check", "bans", "licenses", "sources"];
    run("dependencies", "cargo", &check, &[], None)?;
    Ok(Vec::new())
}

/// Known faults of the dependencies; the reason if the list of them can't be had.
fn advisories() -> Result<Option<String>, String> {
    if !succeeds("cargo", &["deny", "fetch", "db"]) {
        return Ok(Some("advisories: the list of known faults can't be fetched".to_owned()));
    }
    let check = ["deny", "--log-level", "error", "check", "--disable-fetch", "advisories"];
    run("advisories", "cargo", &check, &[], None).map(|()| None)
}

/// Whether a command succeeds. It prints nothing.
fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    let status = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs steps in their order. Tests list in `skipped` what they skip.
fn all(steps: &[Step], skipped: Option<&Path>) -> Result<(), String> {
    steps.iter().try_for_each(|(name, arguments, environment)| {
        run(name, "cargo", arguments, environment, skipped)
    })
}

fn run(
    name: &str,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
    skipped: Option<&Path>,
) -> Result<(), String> {
    eprintln!("==> {name}: {program} {}", arguments.join(" "));
    let started = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied());
    command.envs(skipped.map(|list| (skipped::FILE_VARIABLE, list)));
    if !command.status().is_ok_and(|status| status.success()) {
        return Err(format!("{name} failed"));
    }
    eprintln!("==> {name} took {} s", started.elapsed().as_secs());
    Ok(())
}
