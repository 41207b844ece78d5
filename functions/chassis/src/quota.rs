//! Quotas of callers, the checks of the platform's rate limiter, and the response headers about
//! them.
//!
//! Requests are counted where the subject is known: the gateway counts addresses before anything
//! else, and identity counts the account that a parsed body names. Both read the same variable.

use crate::problem::{Problem, ProblemType};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::future::Future;
use std::net::IpAddr;

/// The maximum window: one day.
const WINDOW_S_MAX: u32 = DAY_S;
const DAY_S: u32 = 86_400;
const HOUR_S: u32 = 3_600;

/// A number of calls per window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The number of calls. All of them may be made at once.
    pub limit: u32,
    /// Seconds.
    pub window_s: u32,
}

/// The quotas in force, by policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Counted per user, or per address for visitors.
    pub read: Quota,
    /// Counted like `read`.
    pub write: Quota,
    /// Password attempts, per address and account.
    pub credentials: Quota,
    /// Password attempts, per address.
    pub credentials_address: Quota,
    /// Requests with a missing or invalid access token, per address.
    pub refused_tokens: Quota,
    /// Counted per user and day. This bounds the space of one account's orders and their
    /// idempotency records (at most 64 KiB each, kept for a day) to 64 MiB of the 16 GiB of a
    /// store.
    pub orders: Quota,
    /// Counted per address, also for signed-in users. A guest cart is kept for at most a week.
    pub guest_carts: Quota,
}

impl Default for Quotas {
    fn default() -> Self {
        let per_minute = |limit| Quota { limit, window_s: 60 };
        Self {
            read: per_minute(6000),
            write: per_minute(1200),
            credentials: per_minute(60),
            credentials_address: per_minute(600),
            refused_tokens: per_minute(600),
            orders: Quota { limit: 1_000, window_s: DAY_S },
            guest_carts: Quota { limit: 120, window_s: HOUR_S },
        }
    }
}

impl Quotas {
    /// Parses the variable `rate_limits`: `off` for no quotas, or pairs like `read=6000/60,
    /// credentials=10/60` (calls per seconds) that replace the defaults.
    ///
    /// # Errors
    /// Which pair is wrong.
    pub fn parse(setting: &str) -> Result<Option<Self>, String> {
        let mut quotas = Self::default();
        if setting.trim() == "off" {
            return Ok(None);
        }
        for pair in setting.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let fault = || format!("`{pair}` does not have the form `read=6000/60`");
            let (policy, quota) = pair.split_once('=').ok_or_else(fault)?;
            let quota = Quota::parse(quota).ok_or_else(fault)?;
            match policy.trim() {
                "read" => quotas.read = quota,
                "write" => quotas.write = quota,
                "credentials" => quotas.credentials = quota,
                "credentials-address" => quotas.credentials_address = quota,
                "refused-tokens" => quotas.refused_tokens = quota,
                "orders" => quotas.orders = quota,
                "guest-carts" => quotas.guest_carts = quota,
                other => return Err(format!("unknown policy `{other}`")),
            }
        }
        Ok(Some(quotas))
    }

    /// The quotas of the variable. If it is invalid, the error is logged and the defaults are used.
    pub fn of_setting(setting: &str) -> Option<Self> {
        Self::parse(setting).unwrap_or_else(|fault| {
            eprintln!("the variable `rate_limits` is invalid: {fault}; using the defaults");
            Some(Self::default())
        })
    }
}

impl Quota {
    fn parse(text: &str) -> Option<Self> {
        let (limit, window_s) = text.split_once('/')?;
        let (limit, window_s) = (limit.trim().parse().ok()?, window_s.trim().parse().ok()?);
        (limit >= 1 && (1..=WINDOW_S_MAX).contains(&window_s)).then_some(Self { limit, window_s })
    }
}

/// One request to the limiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The name of the quota in responses.
    pub policy: &'static str,
    /// The counted subject.
    pub key: String,
    /// The quota of the subject.
    pub quota: Quota,
    /// The cost of this call; 0 only reads the state.
    pub cost: u32,
}

impl Check {
    /// A call with a cost of 1.
    pub fn one(policy: &'static str, key: String, quota: Quota) -> Self {
        Self { policy, key, quota, cost: 1 }
    }
}

/// The limiter's decision on one [`Check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call is allowed.
    pub allowed: bool,
    /// Remaining calls.
    pub remaining: u32,
    /// Milliseconds until one more call is allowed.
    pub retry_after_ms: u64,
    /// Milliseconds until the full quota is available again.
    pub reset_after_ms: u64,
}

/// A check and its decision.
pub type Checked = (Check, Decision);

/// The platform's rate limiter.
pub trait Limiter: Clone + Send + Sync + 'static {
    /// Decides whether the call is allowed. The error says why there is no decision.
    fn check(&self, check: &Check) -> impl Future<Output = Result<Decision, String>> + Send;
}

/// The rate limit headers of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(Vec<Checked>);

impl Rates {
    /// Runs the checks in order; 429 as soon as one is refused. If the limiter is unavailable, the
    /// call is allowed: availability is more important than the quota.
    ///
    /// # Errors
    /// A problem that names the exhausted quota.
    pub async fn count<L: Limiter>(
        limiter: &L,
        checks: impl IntoIterator<Item = Check> + Send,
    ) -> Result<Self, Problem> {
        let mut rates = Self::default();
        let checks: Vec<Check> = checks.into_iter().collect();
        for check in checks {
            match limiter.check(&check).await {
                Ok(mut decision) => {
                    // A check without cost is refused if nothing is left.
                    decision.allowed &= check.cost > 0 || decision.remaining > 0;
                    rates.0.push((check, decision));
                }
                Err(reason) => {
                    eprintln!("the rate limit {} was not checked: {reason}", check.policy)
                }
            }
            if rates.0.last().is_some_and(|(_, decision)| !decision.allowed) {
                return Err(rates.too_many());
            }
        }
        Ok(rates)
    }

    /// Sets `RateLimit` and `RateLimit-Policy`, before the values of a function behind the gateway.
    pub fn write(&self, headers: &mut HeaderMap) {
        if !self.0.is_empty() {
            join(headers, "ratelimit-policy", &policy_field(&self.0));
            join(headers, "ratelimit", &limit_field(&self.0));
        }
    }

    fn too_many(&self) -> Problem {
        let violated: Vec<&str> = self
            .0
            .iter()
            .filter(|(_, decision)| !decision.allowed)
            .map(|(check, _)| check.policy)
            .collect();
        let retry_after_s = retry_after_s(&self.0);
        let field = HeaderName::from_static("ratelimit");
        let policy = HeaderName::from_static("ratelimit-policy");
        Problem::new(ProblemType::QuotaExceeded)
            .detail(format!("Try again in {retry_after_s} s."))
            .extension("violated-policies", violated)
            .extension("retry_after", retry_after_s)
            .header(header::RETRY_AFTER, &retry_after_s.to_string())
            .header(field, &limit_field(&self.0))
            .header(policy, &policy_field(&self.0))
    }
}

/// The counted part of an address: the whole IPv4 address, or the /64 prefix of an IPv6 address,
/// which usually belongs to one customer.
pub fn counted(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address.to_owned(),
    }
}

fn join(headers: &mut HeaderMap, name: &'static str, ours: &str) {
    let theirs = headers.get(name).and_then(|value| value.to_str().ok());
    let joined = theirs.map_or_else(|| ours.to_owned(), |theirs| format!("{ours}, {theirs}"));
    if let Ok(value) = HeaderValue::try_from(joined) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// The value of `RateLimit-Policy`.
fn policy_field(checked: &[Checked]) -> String {
    let item = |(check, _): &Checked| {
        format!("\"{}\";q={};w={}", check.policy, check.quota.limit, check.quota.window_s)
    };
    checked.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// The value of `RateLimit`.
fn limit_field(checked: &[Checked]) -> String {
    let item = |(check, decision): &Checked| {
        let reset_s = decision.reset_after_ms.div_ceil(1000);
        format!("\"{}\";r={};t={reset_s}", check.policy, decision.remaining)
    };
    checked.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// Seconds until all checks would allow the call; at least one.
fn retry_after_s(checked: &[Checked]) -> u64 {
    let waits = checked.iter().map(|(_, decision)| decision.retry_after_ms.div_ceil(1000));
    waits.max().unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_replace_defaults() {
        assert_eq!(Quotas::parse("").unwrap().unwrap(), Quotas::default());
        assert_eq!(Quotas::parse("off"), Ok(None));
        let quotas = Quotas::parse("read=5/1, credentials-address = 7/3600").unwrap().unwrap();
        assert_eq!(quotas.read, Quota { limit: 5, window_s: 1 });
        assert_eq!(quotas.credentials_address, Quota { limit: 7, window_s: 3600 });
        assert_eq!(quotas.write, Quotas::default().write);
        for wrong in
            ["read", "read=5", "read=0/1", "read=1/0", "x=1/1", "read=1/86401", "read=-1/1"]
        {
            assert!(Quotas::parse(wrong).is_err(), "{wrong}");
        }
    }

    fn checked(policy: &'static str, quota: Quota) -> Checked {
        let decision =
            Decision { allowed: false, remaining: 0, retry_after_ms: 1001, reset_after_ms: 59_001 };
        (Check::one(policy, "a".to_owned(), quota), decision)
    }

    #[test]
    fn fields_are_structured_and_joined_with_those_of_the_function() {
        let quotas = Quotas::default();
        let outer = Rates(vec![checked("credentials-address", quotas.credentials_address)]);
        let inner = Rates(vec![checked("credentials", quotas.credentials)]);
        let mut headers = HeaderMap::new();
        inner.write(&mut headers);
        outer.write(&mut headers);
        assert_eq!(
            headers["ratelimit-policy"],
            "\"credentials-address\";q=600;w=60, \"credentials\";q=60;w=60"
        );
        assert_eq!(
            headers["ratelimit"],
            "\"credentials-address\";r=0;t=60, \"credentials\";r=0;t=60"
        );
        assert_eq!(retry_after_s(&outer.0), 2);
        assert_eq!(retry_after_s(&[]), 1);
    }

    #[test]
    fn ipv6_addresses_are_counted_by_their_64_bit_prefix() {
        assert_eq!(counted("2001:db8::1"), counted("2001:db8::ffff"));
        assert_ne!(counted("2001:db8::1"), counted("2001:db8:0:1::1"));
        assert_eq!(counted("10.0.0.1"), "10.0.0.1");
    }
}
