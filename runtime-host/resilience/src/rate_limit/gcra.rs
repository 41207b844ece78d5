//! The generic cell rate algorithm, as a pure function.
//!
//! A key's state is its *theoretical arrival time* (TAT): when its whole quota would be there
//! again. Each call moves it later by one emission interval (`window / limit`), and a call is
//! allowed as long as it stays within one window from now.
//!
//! An interval is seldom a whole number of nanoseconds, and rounding it lets through too much or
//! too little. So times are counted in `1 / limit` nanoseconds while deciding, which makes every
//! step exact, and a cell keeps the fraction.

/// So many calls per window, all of them at once if need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Calls per window, at least 1.
    pub limit: u32,
    /// Length of the window in milliseconds, at least 1.
    pub window_ms: u32,
}

/// The answer, and what the `RateLimit` header fields need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call may go ahead. A refused call costs nothing.
    pub allowed: bool,
    /// Calls of cost 1 left at once.
    pub remaining: u32,
    /// Milliseconds, rounded up, until a call of this cost is allowed; 0 when it was allowed.
    pub retry_after_ms: u64,
    /// Milliseconds, rounded up, until the whole quota is there again.
    pub reset_after_ms: u64,
}

/// The question cannot be answered. A fault in the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No calls per window, or a window of no length.
    #[error("a quota needs a limit of at least 1 call and a window of at least 1 ms")]
    Quota,
    /// More than a whole window's worth: would be refused for ever.
    #[error("the cost exceeds the limit of the quota, so that it could never be paid")]
    Cost,
    /// Policy and key are longer than the limiter allows.
    #[error("the policy and the key are too long")]
    Key,
}

/// The theoretical arrival time of a key, on a clock that only the caller knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Whole nanoseconds.
    pub ns: u64,
    /// The rest, in parts of a nanosecond: `fraction / limit` of the last quota.
    pub fraction: u32,
}

const NS_PER_MS: u128 = 1_000_000;

/// Decides one call of `cost` at `now_ns` for a key in the state `cell`, and gives its new state.
///
/// A cost of 0 asks without taking. A cell that is further away than one window, because the
/// quota has changed or the clock went back, counts as one window away: nobody is locked out for
/// longer than the quota says.
pub fn decide(
    cell: Cell,
    now_ns: u64,
    quota: Quota,
    cost: u32,
) -> Result<(Decision, Cell), Invalid> {
    if quota.limit == 0 || quota.window_ms == 0 {
        return Err(Invalid::Quota);
    }
    if cost > quota.limit {
        return Err(Invalid::Cost);
    }
    // In units of 1/limit nanoseconds an emission interval is as long as the window in
    // nanoseconds. The largest product is below 2^64 * 2^32, far from overflow.
    let limit = u128::from(quota.limit);
    let interval = u128::from(quota.window_ms) * NS_PER_MS;
    let window = interval * limit;
    let now = u128::from(now_ns) * limit;

    let fraction = u128::from(cell.fraction.min(quota.limit - 1));
    let debt = (u128::from(cell.ns) * limit + fraction).saturating_sub(now).min(window);
    let charged = debt + interval * u128::from(cost);
    let allowed = charged <= window;
    let owed = if allowed { charged } else { debt };

    let decision = Decision {
        allowed,
        remaining: u32::try_from((window - owed) / interval).unwrap_or(quota.limit),
        retry_after_ms: milliseconds(charged.saturating_sub(window), limit),
        reset_after_ms: milliseconds(owed, limit),
    };
    let tat = now + owed;
    let ns = u64::try_from(tat / limit).unwrap_or(u64::MAX);
    let fraction = u32::try_from(tat % limit).unwrap_or(0);
    Ok((decision, Cell { ns, fraction }))
}

/// Rounded up, so that who waits that long is not refused again.
fn milliseconds(units: u128, limit: u128) -> u64 {
    u64::try_from(units.div_ceil(limit * NS_PER_MS)).unwrap_or(u64::MAX)
}
