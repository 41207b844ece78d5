//! `tessera flags evaluate`.

use super::print;
use crate::commands::admin_client::RunningHost;
use crate::commands::name_and_value;
use clap::Args;
use serde_json::{Map, Value, json};
use tessera_flags::{Context, TARGETING_KEY};

/// Evaluate a flag, as a component would.
///
/// The exit code is 1 if there is an error, for example because there is no such flag.
#[derive(Debug, Args)]
pub(super) struct Evaluate {
    key: String,
    /// Who or what the flag is evaluated for, such as the id of a user.
    #[arg(long, value_name = "KEY")]
    targeting_key: Option<String>,
    /// An attribute of the context. `true`, `false` and numbers are no strings, unless they are
    /// quoted as in JSON.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = name_and_value)]
    attributes: Vec<(String, String)>,
    #[command(flatten)]
    host: RunningHost,
}

impl Evaluate {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let context = context(self.targeting_key, self.attributes)?;
        let request = json!({ "context": context });
        let evaluation = self.host.connect()?.evaluate_flag(&self.key, &request).await?;
        print(&evaluation.to_string());
        Ok(())
    }
}

/// The context as in OFREP.
fn context(
    targeting_key: Option<String>,
    attributes: Vec<(String, String)>,
) -> anyhow::Result<Value> {
    let mut members = Map::new();
    for (name, text) in attributes {
        anyhow::ensure!(name != TARGETING_KEY, "use --targeting-key for the targeting key");
        let value = serde_json::from_str(&text).ok().filter(is_scalar);
        let value = value.unwrap_or(Value::String(text));
        anyhow::ensure!(
            members.insert(name.clone(), value).is_none(),
            "the attribute `{name}` is given twice"
        );
    }
    members.extend(targeting_key.map(|key| (TARGETING_KEY.to_owned(), Value::String(key))));
    let context = Value::Object(members);
    Context::from_json(&context)?;
    Ok(context)
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn attributes_have_the_types_of_json() {
        let written = [("a", "true"), ("b", "1.5"), ("c", "\"1\""), ("d", "DE"), ("e", "[1]")];
        let context = context(Some("ann".to_owned()), attributes(&written)).unwrap();
        let expected =
            json!({ "a": true, "b": 1.5, "c": "1", "d": "DE", "e": "[1]", "targetingKey": "ann" });
        assert_eq!(context, expected);
    }

    #[test]
    fn nonsense_is_an_error() {
        let error = |pairs| context(None, attributes(pairs)).unwrap_err().to_string();
        assert_eq!(error(&[("a", "1"), ("a", "2")]), "the attribute `a` is given twice");
        assert!(error(&[("targetingKey", "x")]).contains("--targeting-key"));
        assert!(context(Some("x".repeat(600)), Vec::new()).is_err());
    }
}
