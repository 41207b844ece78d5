//! Instructions of an operation, counted by callgrind where it is installed.
//!
//! The count of a run has its start and its end in it. So there are two runs, one with more
//! operations than the other, and the difference is what the operations cost. The runs are of this
//! same program: it is started again with only the test that does the operations.

use std::process::Command;

/// The number of operations of a run; without it, this is not a run.
pub(crate) const OPERATIONS: &str = "COSTS_OPERATIONS";

const FEW: u64 = 200;
const MANY: u64 = 1_200;

/// Instructions of one operation of the test with this name; none without callgrind.
pub(crate) fn of(test: &str) -> Option<u64> {
    let few = run(test, FEW)?;
    Some((run(test, MANY)? - few) / (MANY - FEW))
}

/// How many operations this process is to do.
pub(crate) fn asked_for() -> Option<u64> {
    std::env::var(OPERATIONS).ok()?.parse().ok()
}

fn run(test: &str, operations: u64) -> Option<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(std::env::current_exe().unwrap()).args(["--exact", test]);
    let output = valgrind.env(OPERATIONS, operations.to_string()).output().ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{report}");
    let collected = report.lines().find_map(|line| line.split("Collected :").nth(1));
    Some(collected.unwrap().trim().parse().unwrap())
}
