//! Application variables, as the manifest gives them to this component.

use crate::clock::now_ms;
use crate::problem::Problem;
use crate::recent::Recent;
use spin_sdk::variables;

/// What this instance has looked at within the last second.
static RECENT: Recent = Recent::new();

/// A variable that this component can't work without. Names are lower case, as in the
/// manifest's `[component.<id>.variables]`.
pub async fn variable(name: &str) -> Result<String, ConfigError> {
    optional(name).await?.ok_or_else(|| ConfigError(format!("the variable `{name}` is not set")))
}

/// A variable that may be absent. An empty one is: a manifest can give a variable no other
/// default that means nothing. A change is seen after a second at the latest.
pub async fn optional(name: &str) -> Result<Option<String>, ConfigError> {
    let now_ms = now_ms();
    if let Some(value) = RECENT.get(name, now_ms) {
        return Ok(value);
    }
    let value = match variables::get(name).await {
        Ok(value) => Some(value).filter(|value| !value.is_empty()),
        Err(variables::Error::Undefined(_)) => None,
        Err(error) => {
            return Err(ConfigError(format!("the variable `{name}` can't be read: {error}")));
        }
    };
    RECENT.note(name, value.clone(), now_ms);
    Ok(value)
}

/// The deployment lacks a setting; the text names it and never holds a value.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Problem {
        eprintln!("{error}");
        Problem::internal()
    }
}
