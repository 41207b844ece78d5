//! Which run of the host this is.
//!
//! A lease names its holder. A process that finds the lease can't tell a slow holder from a dead
//! one, so it waits until the lease ends. A host with exclusive access to its stores knows more:
//! after a restart, all earlier holders are dead. It passes a number that is unique to each run
//! over the same state in the environment variable [`VARIABLE`] (`wasi:cli/environment`). Hosts
//! without that variable, like stock Spin, may share stores with other processes, so leases always
//! last their full time there.

use std::sync::OnceLock;

/// The environment variable with the number of this run.
pub const VARIABLE: &str = "TESSERA_INCARNATION";

/// The number of this run of the host; `None` if the host can't guarantee that all earlier runs
/// have ended.
pub fn current() -> Option<u64> {
    static CURRENT: OnceLock<Option<u64>> = OnceLock::new();
    *CURRENT.get_or_init(|| std::env::var(VARIABLE).ok()?.parse().ok())
}

/// Whether a lease that was taken in the run `held` is void in the run `now`, because its holder is
/// certainly dead.
pub fn is_over(held: Option<u64>, now: Option<u64>) -> bool {
    held.zip(now).is_some_and(|(held, now)| held != now)
}

#[cfg(test)]
mod tests {
    use super::is_over;

    #[test]
    fn only_a_run_number_proves_that_a_holder_is_dead() {
        assert!(is_over(Some(1), Some(2)));
        assert!(!is_over(Some(2), Some(2)));
        assert!(!is_over(None, Some(2)), "written by a host that does not count");
        assert!(!is_over(Some(1), None), "read by one that does not");
        assert!(!is_over(None, None));
    }
}
