//! Application variables, as the manifest gives them to this component.

use crate::problem::Problem;
use spin_sdk::variables;

/// A variable that this component can't work without. Names are lower case, as in the
/// manifest's `[component.<id>.variables]`.
pub async fn variable(name: &str) -> Result<String, ConfigError> {
    optional(name).await?.ok_or_else(|| ConfigError(format!("the variable `{name}` is not set")))
}

/// A variable that may be absent. An empty one is: a manifest can give a variable no other
/// default that means nothing.
pub async fn optional(name: &str) -> Result<Option<String>, ConfigError> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(variables::Error::Undefined(_)) => Ok(None),
        Err(error) => Err(ConfigError(format!("the variable `{name}` can't be read: {error}"))),
    }
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
