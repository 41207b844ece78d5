//! Configuration of a running host: `tessera config` and `tessera reload`.

use super::admin_client::{Connection, RunningHost};
use super::rollouts::{By, block_on, encoded, print};
use super::up::{read_json_values, read_toml_values, read_value};
use crate::commands::name_and_value;
use crate::rollouts::{Applied, Difference, text};
use crate::runtime_config;
use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show and change the values of an application's variables while it runs.
///
/// Each component that is concerned gets a new revision, which `tessera rollback` takes back. Values
/// that are set here win over those of flags and files, and survive a restart.
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the values of variables, and what components are configured with. Of secrets, only a
    /// digest is shown.
    Show {
        /// Only this component.
        component: Option<String>,
        #[command(flatten)]
        host: RunningHost,
    },
    /// Set values.
    Set {
        /// `NAME=VALUE`, or `NAME=@FILE` for the content of a file.
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = name_and_value)]
        values: Vec<(String, String)>,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        host: RunningHost,
    },
    /// Set all values in a file: `.json`, `.toml`, or `.env` with lines `SPIN_VARIABLE_NAME=value`.
    Apply {
        file: PathBuf,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        host: RunningHost,
    },
    /// Take values back that were set in this way: those of flags and files count again.
    Unset {
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        host: RunningHost,
    },
}

/// Read the manifest, the runtime configuration and the files of variables of a running host again.
///
/// Variables, environments, allowed hosts, policies and limits take effect in new revisions of the
/// components that are concerned. If something is wrong, or needs a restart, nothing changes.
#[derive(Debug, Args)]
pub(crate) struct Reload {
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    host: RunningHost,
}

#[derive(Deserialize)]
struct Changed {
    applied: Vec<Applied>,
}

#[derive(Deserialize)]
struct Shown {
    variables: Vec<Variable>,
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    value: Value,
    set_by: Option<String>,
    /// Whether an operator has set it, and the manifest does not declare it any more.
    #[serde(default)]
    is_undeclared: bool,
}

#[derive(Deserialize)]
struct Component {
    id: String,
    settings: Value,
}

impl Config {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        block_on(async {
            match self.verb {
                Verb::Show { component, host } => {
                    show(&host.connect()?, component.as_deref()).await
                }
                Verb::Set { values, by, host } => {
                    set(&host.connect()?, &by, &json!({ "set": contents(values)? })).await
                }
                Verb::Apply { file, by, host } => {
                    set(&host.connect()?, &by, &json!({ "set": in_file(&file)? })).await
                }
                Verb::Unset { names, by, host } => {
                    set(&host.connect()?, &by, &json!({ "unset": names })).await
                }
            }
        })
    }
}

impl Reload {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        block_on(async {
            let path = format!("/configuration/reload?by={}", encoded(&self.by.by));
            change(&self.host.connect()?, &path, String::new()).await
        })
    }
}

async fn set(host: &Connection, by: &By, values: &Value) -> anyhow::Result<ExitCode> {
    let path = format!("/configuration?by={}", encoded(&by.by));
    change(host, &path, values.to_string()).await
}

async fn change(host: &Connection, path: &str, body: String) -> anyhow::Result<ExitCode> {
    let answer = host.json(Method::POST, path, body).await?;
    let Changed { applied } = serde_json::from_slice(answer.body())?;
    for Applied { component, revision, differences } in &applied {
        print(&format!("{component}  {revision}"));
        differences.iter().for_each(|one| print(&format!("  {}", line(one))));
    }
    if applied.is_empty() {
        print("nothing has changed for any component");
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(host: &Connection, component: Option<&str>) -> anyhow::Result<ExitCode> {
    let Shown { variables, components } = host.get("/configuration").await?;
    if component.is_none() {
        for Variable { name, value, set_by, is_undeclared } in &variables {
            let by = set_by.as_ref().map(|by| format!("  (set by an operator: {by})"));
            let note = if *is_undeclared { "  (not declared, without effect)" } else { "" };
            print(&format!("{name} = {}{}{note}", text(value), by.unwrap_or_default()));
        }
    }
    let is_shown = |one: &&Component| component.is_none_or(|id| one.id == id);
    let mut found = components.iter().filter(is_shown).peekable();
    if let (None, Some(id)) = (found.peek(), component) {
        let known = components.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", ");
        bail!("no component `{id}` runs; there are {known}");
    }
    for one in found {
        print(&format!("\n[{}]", one.id));
        members("", &one.settings).iter().for_each(|line| print(line));
    }
    Ok(ExitCode::SUCCESS)
}

/// What differs, in one line.
pub(super) fn line(difference: &Difference) -> String {
    let of = |value: &Option<Value>| value.as_ref().map_or("(none)".to_owned(), text);
    format!("{}: {} → {}", difference.key, of(&difference.before), of(&difference.after))
}

/// The members of a tree, a line for each.
fn members(path: &str, value: &Value) -> Vec<String> {
    match value.as_object().filter(|object| !is_secret(object)) {
        Some(object) => {
            let path = |name: &str| match path {
                "" => name.to_owned(),
                path => format!("{path}.{name}"),
            };
            object.iter().flat_map(|(name, value)| members(&path(name), value)).collect()
        }
        None => vec![format!("{path} = {}", text(value))],
    }
}

fn is_secret(object: &serde_json::Map<String, Value>) -> bool {
    object.len() == 1 && object.get("secret").is_some_and(Value::is_string)
}

/// Values, with the contents of the files that they name.
fn contents(values: Vec<(String, String)>) -> anyhow::Result<BTreeMap<String, String>> {
    let content = |(name, value): (String, String)| match value.strip_prefix('@') {
        Some(path) => Ok((name, read_value(Path::new(path))?)),
        None => Ok((name, value)),
    };
    values.into_iter().map(content).collect()
}

/// The values in a file.
fn in_file(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match (extension, name) {
        (Some("json"), _) => read_json_values(path),
        (Some("toml"), _) => read_toml_values(path),
        (Some("env"), _) | (_, ".env") => {
            read_value(path)?;
            let values = runtime_config::dotenv_file(path);
            let values = values.map_err(|why| anyhow!("{} is {why}", path.display()))?;
            Ok(values.into_iter().filter_map(variable).collect())
        }
        _ => bail!("{}: a file of values ends in .json, .toml or .env", path.display()),
    }
}

/// `SPIN_VARIABLE_GREETING` is `greeting`; other names are not of variables.
fn variable((name, value): (String, String)) -> Option<(String, String)> {
    Some((name.strip_prefix("SPIN_VARIABLE_")?.to_ascii_lowercase(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_values_have_three_formats() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let expected = BTreeMap::from([("a_b".to_owned(), "1".to_owned())]);
        for path in [
            file("a.json", r#"{"a_b": "1"}"#),
            file("a.toml", "a_b = \"1\"\n"),
            file(".env", "SPIN_VARIABLE_A_B=1\nPATH=x\n"),
            file("production.env", "SPIN_VARIABLE_A_B=1\n"),
        ] {
            assert_eq!(in_file(&path).unwrap(), expected, "{}", path.display());
        }
        assert!(in_file(&folder.path().join("none.env")).is_err());
        assert!(in_file(&file("a.txt", "")).is_err());
    }

    #[test]
    fn a_configuration_is_shown_by_its_members() {
        let tree =
            json!({ "variables": { "a": "1", "b": { "secret": "digest 12" } }, "hosts": [] });
        assert_eq!(
            members("", &tree),
            ["hosts = []", "variables.a = \"1\"", "variables.b = secret, digest 12"]
        );
        let difference = Difference { key: "a".to_owned(), before: None, after: Some(json!(2)) };
        assert_eq!(line(&difference), "a: (none) → 2");
    }
}
