//! Where the values of variables come from, in Spin's order:
//!
//! 1. what an operator has set while the application ran,
//! 2. `--variable name=value` on the command line,
//! 3. the providers of the runtime configuration file, the first one first,
//! 4. `SPIN_VARIABLE_<NAME>` in the host's environment, or in `.env` in its working directory,
//! 5. what the host adds: generated secrets and its own address,
//! 6. the default in the manifest.

use super::vault::Vault;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

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
    /// `type = "vault"`: a server that is asked once.
    Vault(Vault),
}

type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// All sources except the manifest.
#[derive(Clone)]
pub(crate) struct Sources {
    operator: BTreeMap<String, String>,
    flags: BTreeMap<String, String>,
    environment: Environment,
    /// More environment variables.
    dotenv: BTreeMap<String, String>,
    providers: Vec<Provider>,
    /// What the host adds.
    added: Vec<BTreeMap<String, String>>,
}

impl Sources {
    /// `environment` looks up a variable of the host's environment.
    pub(crate) fn new(
        flags: BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        providers: Vec<Provider>,
    ) -> Self {
        let (operator, dotenv, added) = Default::default();
        Self { operator, flags, environment: Arc::new(environment), dotenv, providers, added }
    }

    /// Sets environment variables that the real environment does not have.
    pub(crate) fn set_dotenv(&mut self, dotenv: BTreeMap<String, String>) {
        self.dotenv = dotenv;
    }

    /// Sets what an operator has set, before all others.
    pub(crate) fn set_operator(&mut self, values: BTreeMap<String, String>) {
        self.operator = values;
    }

    /// Adds values after all others.
    pub(crate) fn add(&mut self, values: BTreeMap<String, String>) {
        self.added.push(values);
    }

    /// Fetches the values of these variables from servers, if no earlier source has them.
    pub(crate) async fn fetch(
        &mut self,
        names: impl Iterator<Item = &String> + Clone,
    ) -> anyhow::Result<()> {
        for index in 0..self.providers.len() {
            let Provider::Vault(vault) = &self.providers[index] else { continue };
            let is_missing = |name: &&String| self.chosen(index, name).is_none();
            let missing = names.clone().filter(is_missing).cloned().collect();
            self.providers[index] = Provider::Static(vault.fetch(missing).await?);
        }
        Ok(())
    }

    /// The name of a variable in the host's environment.
    pub(crate) fn environment_key(name: &str) -> String {
        key(None, name)
    }

    /// The value of a variable, if any source has one.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let added = || self.added.iter().find_map(|values| values.get(name).cloned());
        self.chosen(self.providers.len(), name)
            .or_else(|| self.in_environment(None, &self.dotenv, name))
            .or_else(added)
    }

    /// The value of an operator, a flag, or one of the first `count` providers.
    fn chosen(&self, count: usize, name: &str) -> Option<String> {
        let mut providers = self.providers.iter().take(count);
        let flag = self.operator.get(name).or_else(|| self.flags.get(name)).cloned();
        flag.or_else(|| providers.find_map(|provider| self.provided(provider, name)))
    }

    fn in_environment(
        &self,
        prefix: Option<&str>,
        dotenv: &BTreeMap<String, String>,
        name: &str,
    ) -> Option<String> {
        let key = key(prefix, name);
        (self.environment)(&key).or_else(|| dotenv.get(&key).cloned())
    }

    fn provided(&self, provider: &Provider, name: &str) -> Option<String> {
        match provider {
            Provider::Static(values) => values.get(name).cloned(),
            Provider::Environment { prefix, dotenv } => {
                self.in_environment(prefix.as_deref(), dotenv, name)
            }
            // Before it is asked.
            Provider::Vault(_) => None,
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
            Self::Vault(vault) => vault.fmt(f),
        }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("operator", &Names(&self.operator))
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
            ("SPIN_VARIABLE_B1", "env"),
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
        let mut sources = Sources::new(map(&[("a", "flag")]), lookup, providers);
        let dotenv = [("SPIN_VARIABLE_B2", "dotenv"), ("SPIN_VARIABLE_A", "dotenv")];
        sources.set_dotenv(map(&dotenv));
        sources.add(map(&[("b2", "added"), ("h", "added")]));
        sources
    }

    #[test]
    fn flags_win_over_providers_in_order_and_those_over_the_environment() {
        let sources = sources();
        let value = |name| sources.value(name);
        assert_eq!(value("a").as_deref(), Some("flag"));
        let mut operated = sources.clone();
        operated.set_operator(map(&[("a", "operator")]));
        assert_eq!(operated.value("a").as_deref(), Some("operator"));
        assert_eq!(value("b").as_deref(), Some("static"));
        assert_eq!(value("b1").as_deref(), Some("env"));
        assert_eq!(value("b2").as_deref(), Some("dotenv"));
        assert_eq!(value("h").as_deref(), Some("added"));
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
