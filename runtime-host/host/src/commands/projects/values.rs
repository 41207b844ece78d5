//! The values of placeholders: `{{name}}` and others.

use super::names;
use super::templates::{Parameter, Template};
use anyhow::{anyhow, bail, ensure};
use std::collections::BTreeMap;

/// The texts that replace placeholders.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<&'static str, String>);

/// What a project is made for.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    /// The name that was asked for.
    pub(super) name: &'a str,
    /// The name of the application.
    pub(super) application: &'a str,
    /// Whether the application is new, and its component the only one.
    pub(super) is_new: bool,
}

impl Parameter {
    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::WildcardRoute | Self::Route => "route",
            Self::Namespace => "namespace",
            Self::Types => "types",
            Self::EveryMs => "every-ms",
        }
    }

    fn default(self, subject: &Subject<'_>) -> String {
        match self {
            Self::WildcardRoute if subject.is_new => "/...".to_owned(),
            Self::WildcardRoute => format!("/{}/...", subject.name),
            Self::Route => format!("/{}", subject.name),
            Self::Namespace => names::similar(subject.application),
            Self::Types => "com.example.*".to_owned(),
            Self::EveryMs => "60000".to_owned(),
        }
    }
}

impl Values {
    /// The values of a template.
    ///
    /// # Errors
    /// Which of the given values is not one of its parameters, or is invalid.
    pub(super) fn of(
        template: &Template,
        subject: &Subject<'_>,
        given: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let known = || {
            let names: Vec<_> = template.parameters.iter().map(|one| one.name()).collect();
            names.join(", ")
        };
        for (name, _) in given {
            let is_known = template.parameters.iter().any(|one| one.name() == name);
            ensure!(
                is_known,
                "the template `{}` has no value `{name}`; it has {}",
                template.name,
                known()
            );
        }
        let mut values = Self::default();
        values.set("name", subject.name);
        values.set("crate", names::identifier(subject.name));
        values.set("application_text", toml_edit::Value::from(subject.application).to_string());
        for parameter in template.parameters {
            // As for other flags, the last one counts.
            let own = given.iter().rev().find(|(name, _)| name == parameter.name());
            let value = own.map_or_else(|| parameter.default(subject), |(_, value)| value.clone());
            values.add(*parameter, &value)?;
        }
        Ok(values)
    }

    /// Sets what replaces a placeholder.
    pub(super) fn set(&mut self, placeholder: &'static str, value: impl Into<String>) {
        self.0.insert(placeholder, value.into());
    }

    fn add(&mut self, parameter: Parameter, value: &str) -> anyhow::Result<()> {
        match parameter {
            Parameter::WildcardRoute | Parameter::Route => {
                ensure!(value.starts_with('/'), "--value route: `{value}` must start with a slash");
                self.set("route", toml_edit::Value::from(value).to_string());
                let path = value.strip_suffix("/...").unwrap_or(value);
                self.set("path", if path.is_empty() { "/" } else { path });
            }
            Parameter::Namespace => {
                let checked = names::check(value);
                checked.map_err(|error| anyhow!("--value namespace: `{value}`: {error}"))?;
                self.set("namespace", value);
                self.set("namespace_crate", names::identifier(value));
            }
            Parameter::Types => {
                let types = value.split(',').map(str::trim).filter(|one| !one.is_empty());
                let types: toml_edit::Array = types.collect();
                ensure!(!types.is_empty(), "--value types: write types, separated by commas");
                self.set("types", toml_edit::Value::from(types).to_string());
            }
            Parameter::EveryMs => match value.parse::<u64>() {
                Ok(number) => self.set("every_ms", number.to_string()),
                Err(_) => bail!("--value every-ms: `{value}` is not a number of milliseconds"),
            },
        }
        Ok(())
    }

    /// A text with the values in the places of its placeholders.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let value = after
                .split_once("}}")
                .and_then(|(placeholder, after)| Some((self.0.get(placeholder)?, after)));
            match value {
                Some((value, after)) => {
                    filled.push_str(value);
                    rest = after;
                }
                // It is no placeholder.
                None => {
                    filled.push_str("{{");
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::templates;
    use super::*;

    fn given(values: &[(&str, &str)]) -> Vec<(String, String)> {
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn of(template: &str, values: &[(&str, &str)]) -> anyhow::Result<Values> {
        let subject = Subject { name: "my-cart", application: "The Shop", is_new: false };
        Values::of(templates::find(template).unwrap(), &subject, &given(values))
    }

    #[test]
    fn placeholders_are_replaced_once() {
        let mut values = of("http", &[]).unwrap();
        assert_eq!(values.fill("{{name}} {{crate}} {{route}}"), "my-cart my_cart \"/my-cart/...\"");
        values.set("name", "{{crate}}");
        assert_eq!(values.fill("{{name}} {{ x }} {{"), "{{crate}} {{ x }} {{");
    }

    #[test]
    fn values_have_the_form_of_the_manifest() {
        let values = of("subscriber", &[("types", "com.a.*, com.\"b")]).unwrap();
        let text = values.fill("types = {{types}}");
        let parsed: toml_edit::DocumentMut = text.parse().unwrap();
        let types: Vec<_> = parsed["types"].as_array().unwrap().iter().collect();
        assert_eq!(types[0].as_str(), Some("com.a.*"));
        assert_eq!(types[1].as_str(), Some("com.\"b"));
        assert_eq!(of("contract", &[]).unwrap().fill("{{namespace}}"), "the-shop");
    }

    #[test]
    fn invalid_values_are_refused() {
        for (template, value, reason) in [
            ("http", ("rout", "/"), "has no value `rout`; it has route"),
            ("http", ("route", "cart"), "must start with a slash"),
            ("contract", ("namespace", "My Shop"), "start with a letter"),
            ("subscriber", ("types", " ,"), "separated by commas"),
            ("schedule", ("every-ms", "1m"), "not a number of milliseconds"),
        ] {
            let error = of(template, &[value]).unwrap_err().to_string();
            assert!(error.contains(reason), "{value:?}: {error}");
        }
    }
}
