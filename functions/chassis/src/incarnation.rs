//! Which run of the host this is.
//!
//! A lease names its holder, and who finds it can't tell a holder that is slow from one that is
//! dead: it waits until the lease ends. A host that alone has the stores open knows better: once
//! it has started again, everybody from before is dead. It says so in the environment variable
//! [`VARIABLE`] (`wasi:cli/environment`), with a number that no other run over the same state has.
//! Hosts without that variable, like stock Spin, may have siblings over the same stores, and there
//! leases keep their time.

use std::sync::OnceLock;

/// The environment variable with the number of this run.
pub const VARIABLE: &str = "TESSERA_INCARNATION";

/// The number of this run of the host; none where the host can't tell that all others have ended.
pub fn current() -> Option<u64> {
    static CURRENT: OnceLock<Option<u64>> = OnceLock::new();
    *CURRENT.get_or_init(|| std::env::var(VARIABLE).ok()?.parse().ok())
}

/// Whether a lease that was taken in the run `held` is void in the run `now`: its holder is
/// certainly dead.
pub fn is_over(held: Option<u64>, now: Option<u64>) -> bool {
    held.zip(now).is_some_and(|(held, now)| held != now)
}

#[cfg(test)]
mod tests {
    use super::is_over;

    #[test]
    fn only_a_host_that_counts_its_runs_knows_that_a_holder_is_dead() {
        assert!(is_over(Some(1), Some(2)));
        assert!(!is_over(Some(2), Some(2)));
        assert!(!is_over(None, Some(2)), "written by a host that does not count");
        assert!(!is_over(Some(1), None), "read by one that does not");
        assert!(!is_over(None, None));
    }
}
