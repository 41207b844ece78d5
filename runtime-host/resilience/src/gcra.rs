//! The generic cell rate algorithm, as a pure function.
//!
//! The state of a key is its *theoretical arrival time* (TAT): the time at which its whole quota is
//! available again. Each call moves it later by one emission interval (`window / limit`), and a
//! call is allowed if it is then at most one window in the future. A fixed window would allow twice
//! the quota around its end, and a list of timestamps would need one number per call.
//!
//! An interval is seldom a whole number of nanoseconds, and rounding would allow too much or too
//! little. So times are counted in `1 / limit` nanoseconds, which makes every step exact, and the
//! state has a fraction.

/// Calls per window. All of them may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Calls per window, at least 1.
    pub limit: u32,
    /// Length of the window in milliseconds, at least 1.
    pub window_ms: u32,
}

/// The result, with the values for the `RateLimit` header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call is allowed. A refused call costs nothing.
    pub allowed: bool,
    /// Calls of cost 1 that would be allowed now.
    pub remaining: u32,
    /// Milliseconds, rounded up, until a call of this cost is allowed; 0 if it was allowed.
    pub retry_after_ms: u64,
    /// Milliseconds, rounded up, until the whole quota is available again.
    pub reset_after_ms: u64,
}

/// Why no decision is possible. An error of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The quota has no calls per window, or a window of length 0.
    #[error("a quota needs at least 1 call in a window of at least 1 ms")]
    Quota,
    /// The cost is more than the whole quota, so the call would never be allowed.
    #[error("the cost exceeds the limit of the quota")]
    Cost,
    /// The policy and the key are longer than the limiter allows.
    #[error("the policy and the key are too long")]
    Key,
}

/// The theoretical arrival time of a key, on the clock of the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tat {
    /// Whole nanoseconds.
    pub ns: u64,
    /// The rest, in `1 / limit` nanoseconds, with the limit of the last quota.
    pub fraction: u32,
}

impl Tat {
    /// The state of a key whose whole quota is available from this time on.
    pub fn at(ns: u64) -> Self {
        Self { ns, fraction: 0 }
    }
}

const NS_PER_MS: u128 = 1_000_000;

/// Decides about a call of `cost` at `now_ns` for a key in the state `tat`, and returns its new
/// state.
///
/// A cost of 0 returns the current values and changes nothing. A state more than one window in the
/// future, because the quota has changed or the clock was set back, counts as one window in the
/// future: a key is never blocked for longer than one window.
///
/// # Errors
/// The quota is empty, or the cost exceeds it.
pub fn decide(tat: Tat, now_ns: u64, quota: Quota, cost: u32) -> Result<(Decision, Tat), Invalid> {
    if quota.limit == 0 || quota.window_ms == 0 {
        return Err(Invalid::Quota);
    }
    if cost > quota.limit {
        return Err(Invalid::Cost);
    }
    // In units of 1/limit nanoseconds, an emission interval is as long as the window in
    // nanoseconds. The largest product is below 2^64 * 2^32, far from overflow.
    let limit = u128::from(quota.limit);
    let interval = u128::from(quota.window_ms) * NS_PER_MS;
    let window = interval * limit;
    let now = u128::from(now_ns) * limit;

    let fraction = u128::from(tat.fraction.min(quota.limit - 1));
    let used = (u128::from(tat.ns) * limit + fraction).saturating_sub(now).min(window);
    let requested = used + interval * u128::from(cost);
    let allowed = requested <= window;
    let used = if allowed { requested } else { used };

    let decision = Decision {
        allowed,
        remaining: u32::try_from((window - used) / interval).unwrap_or(quota.limit),
        retry_after_ms: milliseconds(requested.saturating_sub(window), limit),
        reset_after_ms: milliseconds(used, limit),
    };
    let tat = now + used;
    let ns = u64::try_from(tat / limit).unwrap_or(u64::MAX);
    let fraction = u32::try_from(tat % limit).unwrap_or(0);
    Ok((decision, Tat { ns, fraction }))
}

/// Rounds up, so that a caller who waits this long is not refused again.
fn milliseconds(units: u128, limit: u128) -> u64 {
    u64::try_from(units.div_ceil(limit * NS_PER_MS)).unwrap_or(u64::MAX)
}
