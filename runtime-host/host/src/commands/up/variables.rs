//! Variables of the application and environment variables of components, as flags.

use crate::application::VariableFlag;
use crate::commands::name_and_value;
use crate::runtime_config;
use anyhow::{Context as _, ensure};
use clap::Args;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The maximum size of a file with values.
const FILE_MAX_BYTES: u64 = 1 << 20;
/// The flag in errors.
const FLAG: &str = "--variable";

/// Variables of the application and environment variables of components.
#[derive(Debug, Clone, Args)]
pub(super) struct Variables {
    /// Set a variable of the application. `NAME=@FILE` takes the content of a file, and
    /// `@FILE.json` or `@FILE.toml` all names and values in a file. Can be repeated; the last value
    /// of a name counts. An undeclared name is refused; in a file, it is ignored with a warning.
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    sources: Vec<Source>,
    /// Set an environment variable of all components. Can be repeated.
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(super) environment: Vec<(String, String)>,
}

/// One `--variable`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Value(String, String),
    Content(String, PathBuf),
    Json(PathBuf),
    Toml(PathBuf),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(file) = text.strip_prefix('@') {
            let path = PathBuf::from(file);
            return match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => Ok(Self::Json(path)),
                Some("toml") => Ok(Self::Toml(path)),
                _ => Err("a file of variables ends in .json or .toml; for the content of another \
                          file, write NAME=@FILE"
                    .to_owned()),
            };
        }
        let (name, value) = name_and_value(text)
            .map_err(|_| "write NAME=VALUE, NAME=@FILE, @FILE.json or @FILE.toml".to_owned())?;
        Ok(match value.strip_prefix('@') {
            Some(path) => Self::Content(name, path.into()),
            None => Self::Value(name, value),
        })
    }
}

impl Variables {
    /// The values of all flags, in their order.
    pub(super) fn values(&self) -> anyhow::Result<Vec<VariableFlag>> {
        let mut values = Vec::new();
        for source in &self.sources {
            let (found, shared) = match source {
                Source::Value(name, value) => {
                    (BTreeMap::from([(name.clone(), value.clone())]), false)
                }
                Source::Content(name, path) => {
                    let value = read_value(path).context(FLAG)?;
                    (BTreeMap::from([(name.clone(), value)]), false)
                }
                Source::Json(path) => (read_json_values(path).context(FLAG)?, true),
                Source::Toml(path) => (read_toml_values(path).context(FLAG)?, true),
            };
            let flag = |(name, value)| VariableFlag { name, value, shared };
            values.extend(found.into_iter().map(flag));
        }
        Ok(values)
    }
}

/// The content of a file as a value.
pub(crate) fn read_value(path: &Path) -> anyhow::Result<String> {
    let shown = || format!("{} can't be read", path.display());
    let length = fs::metadata(path).with_context(shown)?.len();
    ensure!(length <= FILE_MAX_BYTES, "{} is longer than {FILE_MAX_BYTES} bytes", path.display());
    fs::read_to_string(path).with_context(shown)
}

/// The values in a file. As for JSON, the error does not quote the file.
pub(crate) fn read_toml_values(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let values = runtime_config::variables_file(path, &read_value(path)?);
    values.map_err(|errors| anyhow::anyhow!("{}", format!("{errors:#}").trim_end()))
}

/// The values in a file. The error does not quote the file, which may contain secrets.
pub(crate) fn read_json_values(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    serde_json::from_str(&read_value(path)?).map_err(|error| {
        anyhow::anyhow!(
            "{}:{}:{} is not valid: write a JSON object of names and strings",
            path.display(),
            error.line(),
            error.column()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_has_a_value_or_a_file_of_one_or_of_all() {
        let parse = |text: &str| text.parse::<Source>();
        assert_eq!(parse("a=b=c"), Ok(Source::Value("a".into(), "b=c".into())));
        assert_eq!(parse("a="), Ok(Source::Value("a".into(), String::new())));
        assert_eq!(parse("a=@b.txt"), Ok(Source::Content("a".into(), "b.txt".into())));
        assert_eq!(parse("@b.json"), Ok(Source::Json("b.json".into())));
        assert_eq!(parse("@b.toml"), Ok(Source::Toml("b.toml".into())));
        for (text, advice) in [("a", "NAME=@FILE"), ("=b", "NAME=VALUE"), ("@b.txt", ".json")] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn files_are_read_in_order_and_their_errors_have_a_place_but_no_values() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let values = |sources| Variables { sources, environment: vec![] }.values();
        let flag = |name: &str, value: &str, shared| {
            let (name, value) = (name.to_owned(), value.to_owned());
            VariableFlag { name, value, shared }
        };
        let found = values(vec![
            Source::Json(file("a.json", r#"{"a": "1", "b": "2"}"#)),
            Source::Content("c".into(), file("c.txt", "3\n")),
            Source::Toml(file("d.toml", "d = \"4\"\n")),
            Source::Value("a".into(), "5".into()),
        ]);
        let expected = [
            flag("a", "1", true),
            flag("b", "2", true),
            flag("c", "3\n", false),
            flag("d", "4", true),
            flag("a", "5", false),
        ];
        assert_eq!(found.unwrap(), expected);
        for (source, place) in [
            (Source::Json(file("x.json", "{\n\"a\": 12345}")), "x.json:2:"),
            (Source::Toml(file("x.toml", "a = 12345\n")), "x.toml:1:5"),
            (Source::Toml(folder.path().join("none.toml")), "none.toml can't be read"),
        ] {
            let error = format!("{:#}", values(vec![source]).unwrap_err());
            assert!(error.contains(place) && !error.contains("12345"), "{error}");
        }
    }
}
