//! How much one caller may ask for.
//!
//! Who is counted is a person where one is known and an address otherwise; attempts to sign
//! in are counted for the pair of address and account, so that neither one address can try
//! many passwords of one account nor a stranger lock somebody out of theirs.

/// Which quotas a route is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// None: health, descriptions, and what only administrators do in bulk.
    None,
    /// Looking.
    Read,
    /// Changing.
    Write,
    /// Signing in and registering.
    Credentials,
}

/// So many calls per window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: u32,
    pub window_s: u32,
}

/// The quotas in force, by policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Counted per person, or per address of those who are not signed in.
    pub read: Quota,
    /// Counted likewise.
    pub write: Quota,
    /// Counted per address and account.
    pub credentials: Quota,
    /// Counted per address, whatever the account.
    pub credentials_address: Quota,
}

/// Longest window that can be set: one day.
const WINDOW_S_MAX: u32 = 86_400;

impl Default for Quotas {
    fn default() -> Self {
        let per_minute = |limit| Quota { limit, window_s: 60 };
        Self {
            read: per_minute(6000),
            write: per_minute(1200),
            credentials: per_minute(60),
            credentials_address: per_minute(600),
        }
    }
}

impl Quotas {
    /// Reads the setting `rate_limits`: `off` for none at all, else pairs like
    /// `read=6000/60, credentials=10/60` (calls per seconds) that replace the defaults.
    pub fn parse(setting: &str) -> Result<Option<Self>, String> {
        let mut quotas = Self::default();
        if setting.trim() == "off" {
            return Ok(None);
        }
        for pair in setting.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let fault = || format!("`{pair}` is not like `read=6000/60`");
            let (policy, quota) = pair.split_once('=').ok_or_else(fault)?;
            let quota = Quota::parse(quota).ok_or_else(fault)?;
            match policy.trim() {
                "read" => quotas.read = quota,
                "write" => quotas.write = quota,
                "credentials" => quotas.credentials = quota,
                "credentials-address" => quotas.credentials_address = quota,
                other => return Err(format!("there is no policy `{other}`")),
            }
        }
        Ok(Some(quotas))
    }
}

impl Quota {
    fn parse(text: &str) -> Option<Self> {
        let (limit, window_s) = text.split_once('/')?;
        let (limit, window_s) = (limit.trim().parse().ok()?, window_s.trim().parse().ok()?);
        (limit >= 1 && (1..=WINDOW_S_MAX).contains(&window_s)).then_some(Self { limit, window_s })
    }
}

/// One question to the limiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub policy: &'static str,
    pub key: String,
    pub quota: Quota,
}

/// The limiter's answer to one [`Check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    pub remaining: u32,
    pub retry_after_ms: u64,
    pub reset_after_ms: u64,
}

/// A check and its answer.
pub type Checked = (Check, Decision);

/// The questions to ask before a route is taken. `person` is the subject of the token;
/// `account` the hashed address that somebody wants to sign in with.
pub fn checks(
    limit: Limit,
    quotas: &Quotas,
    address: &str,
    person: Option<&str>,
    account: Option<&str>,
) -> Vec<Check> {
    let caller = || person.map_or_else(|| format!("address:{address}"), |id| format!("user:{id}"));
    let check = |policy, key, quota| Check { policy, key, quota };
    match limit {
        Limit::None => Vec::new(),
        Limit::Read => vec![check("read", caller(), quotas.read)],
        Limit::Write => vec![check("write", caller(), quotas.write)],
        Limit::Credentials => {
            let pair = format!("{address}|{}", account.unwrap_or_default());
            vec![
                check("credentials-address", address.to_owned(), quotas.credentials_address),
                check("credentials", pair, quotas.credentials),
            ]
        }
    }
}

/// The value of `RateLimit-Policy`.
pub fn policy_field(checked: &[Checked]) -> String {
    let item = |(check, _): &Checked| {
        format!("\"{}\";q={};w={}", check.policy, check.quota.limit, check.quota.window_s)
    };
    checked.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// The value of `RateLimit`.
pub fn limit_field(checked: &[Checked]) -> String {
    let item = |(check, decision): &Checked| {
        let reset_s = decision.reset_after_ms.div_ceil(1000);
        format!("\"{}\";r={};t={reset_s}", check.policy, decision.remaining)
    };
    checked.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// Seconds until all of them would allow it; at least one.
pub fn retry_after_s(checked: &[Checked]) -> u64 {
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

    #[test]
    fn people_are_counted_before_addresses() {
        let quotas = Quotas::default();
        let key = |person| checks(Limit::Read, &quotas, "10.0.0.1", person, None)[0].key.clone();
        assert_eq!(key(Some("usr_1")), "user:usr_1");
        assert_eq!(key(None), "address:10.0.0.1");
        let attempts = checks(Limit::Credentials, &quotas, "10.0.0.1", None, Some("ab"));
        assert_eq!(attempts[1].key, "10.0.0.1|ab");
        assert_eq!(checks(Limit::None, &quotas, "10.0.0.1", None, None), []);
    }

    #[test]
    fn fields_are_structured() {
        let checks = checks(Limit::Credentials, &Quotas::default(), "a", None, None);
        let decision =
            Decision { allowed: false, remaining: 0, retry_after_ms: 1001, reset_after_ms: 59_001 };
        let checked: Vec<Checked> = checks.into_iter().map(|check| (check, decision)).collect();
        assert_eq!(
            policy_field(&checked),
            "\"credentials-address\";q=600;w=60, \"credentials\";q=60;w=60"
        );
        assert_eq!(
            limit_field(&checked),
            "\"credentials-address\";r=0;t=60, \"credentials\";r=0;t=60"
        );
        assert_eq!(retry_after_s(&checked), 2);
        assert_eq!(retry_after_s(&[]), 1);
    }
}
