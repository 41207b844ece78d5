//! Variables.
//!
//! An application declares variables, an operator sets them, and each component has templates that
//! use them. All of them are resolved at once, when the application starts or is reconfigured: all
//! variables without a value are reported together at that time, and not in the middle of a request.
//! The values of a component belong to a revision of it, and an instance has one revision: a call
//! never sees old and new values together. Values are never shown, neither in logs nor in `Debug`.

mod interface;
mod sources;
mod vault;

pub(super) use interface::{CAPABILITY, LookupError, lookup};
pub(crate) use sources::{Provider, Sources};
pub(crate) use vault::Vault;

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tessera_manifest::template::Template;
use tessera_manifest::{Component, Variable};

/// The application's variables, each with its value.
#[derive(Clone, Default)]
pub(crate) struct Values(Arc<BTreeMap<String, String>>);

/// All required variables that are not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct UnsetVariablesError(Vec<String>);

impl Values {
    /// Resolves all declared variables: the first source with a value wins, then the default in
    /// the manifest.
    pub(crate) fn resolve(
        declared: &BTreeMap<String, Variable>,
        sources: &Sources,
    ) -> Result<Self, UnsetVariablesError> {
        let mut values = BTreeMap::new();
        let mut unset = Vec::new();
        for (name, variable) in declared {
            match sources.value(name).or_else(|| variable.default.clone()) {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => unset.push(name.clone()),
            }
        }
        if unset.is_empty() { Ok(Self(Arc::new(values))) } else { Err(UnsetVariablesError(unset)) }
    }

    /// The value of a declared variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A text with the variables in it replaced.
    pub(crate) fn render(&self, text: &str) -> anyhow::Result<String> {
        let template = Template::parse(text).with_context(|| format!("in `{text}`"))?;
        template.render(|name| {
            self.get(name).with_context(|| format!("the application declares no variable `{name}`"))
        })
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Display for UnsetVariablesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.join("`, `");
        let (variables, have) =
            if self.0.len() == 1 { ("variable", "has") } else { ("variables", "have") };
        write!(f, "the {variables} `{names}` {have} no value. ")?;
        f.write_str("Set them in one of these ways; the first one that is found is used:")?;
        f.write_str(&ways_to_set(self.0.iter().map(String::as_str)))
    }
}

/// How an operator sets these variables: a line for each.
pub(crate) fn ways_to_set<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        text.push_str(&format!(
            "\n  --variable {name}=…  or  {}=…",
            Sources::environment_key(name)
        ));
    }
    text + "\nor by a [[variables_provider]] in the runtime configuration file."
}

/// One component's variables.
#[derive(Clone, Default)]
pub(crate) struct Variables {
    own: Arc<BTreeMap<String, String>>,
}

impl Variables {
    /// Render the texts of a component's `variables` table.
    pub(crate) fn of(component: &Component, application: &Values) -> anyhow::Result<Self> {
        let mut own = BTreeMap::new();
        for (name, text) in &component.variables {
            let value = application.render(text).with_context(|| {
                format!("the variable `{name}` of the component `{}`", component.id)
            })?;
            own.insert(name.clone(), value);
        }
        Ok(Self::new(own))
    }

    /// These values, by their names.
    pub(crate) fn new(values: BTreeMap<String, String>) -> Self {
        Self { own: Arc::new(values) }
    }

    /// The value of one of the component's variables.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.own.get(name).map(String::as_str)
    }

    /// All of the component's variables, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.own.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.own.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn declared() -> BTreeMap<String, Variable> {
        let variable = |default: Option<&str>, secret| Variable {
            default: default.map(ToOwned::to_owned),
            secret,
        };
        BTreeMap::from([
            ("host".to_owned(), variable(Some("default.example"), false)),
            ("password".to_owned(), variable(None, true)),
            ("token".to_owned(), variable(None, true)),
        ])
    }

    fn flags(flags: &[(&str, &str)]) -> Sources {
        let flags = flags.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Sources::new(flags.collect(), |_| None, Vec::new())
    }

    #[test]
    fn all_unset_variables_are_reported_at_once() {
        let error = Values::resolve(&declared(), &flags(&[])).unwrap_err();
        assert_eq!(error, UnsetVariablesError(vec!["password".into(), "token".into()]));
        let text = error.to_string();
        assert!(text.contains("--variable password=…  or  SPIN_VARIABLE_PASSWORD=…"), "{text}");
        assert!(text.contains("SPIN_VARIABLE_TOKEN"), "{text}");
    }

    #[test]
    fn set_values_win_over_defaults_and_texts_are_rendered() {
        let set = flags(&[("password", "s3cret"), ("token", "t0ken"), ("host", "set.example")]);
        let values = Values::resolve(&declared(), &set).unwrap();
        assert_eq!(values.render("https://{{ host }}:1/").unwrap(), "https://set.example:1/");
        assert!(values.render("{{ other }}").unwrap_err().to_string().contains("`other`"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let set = flags(&[("password", "s3cret"), ("token", "t0ken")]);
        let values = Values::resolve(&declared(), &set).unwrap();
        let own = Arc::new(BTreeMap::from([("p".into(), values.render("{{password}}").unwrap())]));
        let variables = Variables { own };
        assert_eq!(variables.get("p"), Some("s3cret"));
        assert_eq!(format!("{variables:?}"), r#"{"p"}"#);
        assert_eq!(format!("{values:?}"), r#"{"host", "password", "token"}"#);
        assert!(!format!("{set:?}").contains("s3cret"));
    }
}
