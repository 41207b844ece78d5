//! Where the values of variables come from, in order:
//!
//! 1. `--variable name=value` on the command line,
//! 2. `SPIN_VARIABLE_<NAME>` in the host's environment,
//! 3. the providers of the runtime configuration file, the first one first,
//! 4. what the host adds: generated secrets and its own address,
//! 5. the default in the manifest.

use std::collections::BTreeMap;
use std::fmt;

/// The prefix of variables in the environment, followed by an underscore.
const DEFAULT_PREFIX: &str = "SPIN_VARIABLE";

/// One `[[variables_provider]]`.
#[derive(Clone)]
pub(crate) enum Provider {
    /// `type = "static"`: values in the file itself.
    Static(BTreeMap<String, String>),
    /// `type = "env"`: the host's environment.
    Environment {
        /// In place of the default prefix; the empty one means none.
        prefix: Option<String>,
        /// More environment variables, from a file of lines `NAME=value`. The real
        /// environment wins.
        dotenv: BTreeMap<String, String>,
    },
}

type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// All sources except the manifest.
pub(crate) struct Sources {
    flags: BTreeMap<String, String>,
    environment: Environment,
    providers: Vec<Provider>,
}

impl Sources {
    /// `environment` looks up a variable of the host's environment.
    pub(crate) fn new(
        flags: BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        providers: Vec<Provider>,
    ) -> Self {
        Self { flags, environment: Box::new(environment), providers }
    }

    /// Adds a provider after all others.
    pub(crate) fn add(&mut self, provider: Provider) {
        self.providers.push(provider);
    }

    /// The name of a variable in the host's environment.
    pub(crate) fn environment_key(name: &str) -> String {
        key(None, name)
    }

    /// The value of a variable, if any source has one.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.flags
            .get(name)
            .cloned()
            .or_else(|| (self.environment)(&key(Some(DEFAULT_PREFIX), name)))
            .or_else(|| self.providers.iter().find_map(|provider| self.provided(provider, name)))
    }

    fn provided(&self, provider: &Provider, name: &str) -> Option<String> {
        match provider {
            Provider::Static(values) => values.get(name).cloned(),
            Provider::Environment { prefix, dotenv } => {
                let key = key(prefix.as_deref(), name);
                (self.environment)(&key).or_else(|| dotenv.get(&key).cloned())
            }
        }
    }
}

/// `api_key` is `SPIN_VARIABLE_API_KEY`.
fn key(prefix: Option<&str>, name: &str) -> String {
    let name = name.to_ascii_uppercase();
    match prefix.unwrap_or(DEFAULT_PREFIX) {
        "" => name,
        prefix => format!("{prefix}_{name}"),
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(values) => f.debug_tuple("Static").field(&Names(values)).finish(),
            Self::Environment { prefix, dotenv } => f
                .debug_struct("Environment")
                .field("prefix", prefix)
                .field("dotenv", &Names(dotenv))
                .finish(),
        }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("flags", &Names(&self.flags))
            .field("providers", &self.providers)
            .finish_non_exhaustive()
    }
}

/// Values may be secrets; names are not.
struct Names<'a>(&'a BTreeMap<String, String>);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    fn sources() -> Sources {
        let environment = map(&[
            ("SPIN_VARIABLE_A", "env"),
            ("SPIN_VARIABLE_B", "env"),
            ("SHOP_E", "prefixed"),
            ("F", "bare"),
        ]);
        let lookup = move |name: &str| environment.get(name).cloned();
        let providers = vec![
            Provider::Static(map(&[("b", "static"), ("c", "static"), ("a", "static")])),
            Provider::Static(map(&[("c", "second"), ("d", "second")])),
            Provider::Environment {
                prefix: Some("SHOP".into()),
                dotenv: map(&[("SHOP_E", "file"), ("SHOP_G", "file")]),
            },
            Provider::Environment { prefix: Some(String::new()), dotenv: BTreeMap::new() },
        ];
        Sources::new(map(&[("a", "flag")]), lookup, providers)
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_providers_in_order() {
        let sources = sources();
        let value = |name| sources.value(name);
        assert_eq!(value("a").as_deref(), Some("flag"));
        assert_eq!(value("b").as_deref(), Some("env"));
        assert_eq!(value("c").as_deref(), Some("static"));
        assert_eq!(value("d").as_deref(), Some("second"));
        assert_eq!(value("z"), None);
    }

    #[test]
    fn environment_providers_have_their_own_prefix_and_file() {
        let sources = sources();
        assert_eq!(sources.value("e").as_deref(), Some("prefixed"));
        assert_eq!(sources.value("f").as_deref(), Some("bare"));
        assert_eq!(sources.value("g").as_deref(), Some("file"));
    }
}
