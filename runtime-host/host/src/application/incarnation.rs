//! The number of this run of the host, over this state.
//!
//! Components store who holds a lease. The host has exclusive access to the state directory and to
//! each store outside of it, so a lease from an earlier run belongs to a dead process. The number
//! of the run is in each component's environment.

use crate::private_file;
use anyhow::Context as _;
use std::path::Path;

/// The environment variable of components. Stock Spin does not set it.
const VARIABLE: &str = "TESSERA_INCARNATION";
/// The file in the state folder that holds the number.
const FILE_NAME: &str = "incarnation";

/// Increments the number durably. The caller holds the lock of the state directory.
pub(super) fn next(state_dir: &Path) -> anyhow::Result<u64> {
    let path = state_dir.join(FILE_NAME);
    let last = match private_file::read(&path)? {
        Some(text) => text.trim().parse::<u64>().with_context(|| {
            format!("{} does not hold the number of the last run: remove the file", path.display())
        })?,
        None => 0,
    };
    let number = last.wrapping_add(1);
    private_file::write(&path, format!("{number}\n"))?;
    Ok(number)
}

/// Sets it in the environment of a component, replacing any other value.
pub(super) fn announce(environment: &mut Vec<(String, String)>, number: u64) {
    environment.retain(|(name, _)| name != VARIABLE);
    environment.push((VARIABLE.to_owned(), number.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_the_next_number() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(next(folder.path()).unwrap(), 1);
        assert_eq!(next(folder.path()).unwrap(), 2);
        std::fs::write(folder.path().join(FILE_NAME), "no number").unwrap();
        let error = next(folder.path()).unwrap_err().to_string();
        assert!(error.contains("remove the file"), "{error}");
    }

    #[test]
    fn the_number_cannot_be_replaced() {
        let mut environment = vec![(VARIABLE.to_owned(), "9".to_owned())];
        announce(&mut environment, 4);
        assert_eq!(environment, [(VARIABLE.to_owned(), "4".to_owned())]);
    }
}
