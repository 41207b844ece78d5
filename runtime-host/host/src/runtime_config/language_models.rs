//! `[llm_compute]`: the server of language models.

use super::RuntimeConfig;
use super::reader::{Code, Field, Table};
use crate::capabilities::endpoint::Endpoint;
use crate::capabilities::llm::{Api, Remote};
use std::sync::Arc;

/// The types of Spin.
#[derive(Clone, Copy)]
enum Type {
    RemoteHttp,
    Spin,
}

const TYPES: [(&str, Type); 2] = [("remote_http", Type::RemoteHttp), ("spin", Type::Spin)];
const APIS: [(&str, Api); 2] = [("default", Api::Spin), ("open_ai", Api::OpenAi)];

/// Where language models are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LanguageModels {
    Remote(Arc<Remote>),
    /// In the process of the host, which it does not support.
    Local,
}

pub(super) fn read(root: &mut Table<'_>) -> Option<LanguageModels> {
    let mut table = root.optional("llm_compute")?.table()?;
    let kind = table.required("type", "add `type = \"remote_http\"`")?;
    let models = match kind.one_of(&TYPES)? {
        Type::Spin => Some(LanguageModels::Local),
        Type::RemoteHttp => remote(&mut table).map(|remote| LanguageModels::Remote(remote.into())),
    };
    table.finish();
    models
}

fn remote(table: &mut Table<'_>) -> Option<Remote> {
    let url = table.required("url", "add `url = \"https://…\"`");
    let token = table.required("auth_token", "add `auth_token = \"…\"`");
    let api = table.optional("api_type").map_or(Some(Api::Spin), |field| field.one_of(&APIS));
    let endpoint = url.and_then(|field| endpoint(&field));
    let token = token.and_then(|field| Some((field.string()?, field)));
    let ((text, token), endpoint) = token.zip(endpoint)?;
    let endpoint = endpoint.with_token(&text);
    if endpoint.is_none() {
        let hint = "write it as the server gave it";
        token.report_invalid(Code::BadValue, "a token", "a header field can't have it", hint);
    }
    Some(Remote { endpoint: endpoint?, api: api? })
}

fn endpoint(field: &Field<'_>) -> Option<Endpoint> {
    let text = field.text()?;
    let fault = match Endpoint::parse(&text) {
        // The paths are those of the interface, as in Spin.
        Ok((endpoint, _)) if ["http", "https"].contains(&endpoint.scheme()) => {
            return Some(endpoint);
        }
        Ok(_) => "its scheme is neither `http` nor `https`",
        Err(fault) => fault,
    };
    let hint = "write the address of the server, for example `https://models.example`";
    field.report_invalid(Code::BadValue, "a URL", fault, hint);
    None
}

impl RuntimeConfig {
    /// The server of language models, of which the component `used_by` has some.
    ///
    /// # Errors
    /// They are configured to run in this process.
    pub(crate) fn language_models(
        &self,
        used_by: Option<&str>,
    ) -> anyhow::Result<Option<Arc<Remote>>> {
        match (&self.language_models, used_by) {
            (Some(LanguageModels::Remote(remote)), _) => Ok(Some(remote.clone())),
            (_, None) => Ok(None),
            (Some(LanguageModels::Local), Some(component)) => anyhow::bail!(
                "`{component}` has `ai_models`, and [llm_compute] of the runtime configuration file \
                 has the type `spin`: this host runs no models itself. Run them on a server, and \
                 name it with `type = \"remote_http\"`, `url` and `auth_token`"
            ),
            (None, Some(component)) => {
                tracing::warn!(
                    %component,
                    "its `ai_models` have no server, and calls of them fail: add [llm_compute] with \
                     `type = \"remote_http\"`, `url` and `auth_token` to the runtime configuration \
                     file, and pass the file with --runtime-config-file"
                );
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::path::Path;

    fn config(text: &str) -> Result<RuntimeConfig, String> {
        let parsed = RuntimeConfig::parse(Path::new("/app/rc.toml"), text);
        parsed.map_err(|errors| format!("{errors:#}"))
    }

    #[test]
    fn models_are_on_a_server_with_one_of_two_interfaces() {
        for (line, api) in [
            ("", Api::Spin),
            ("api_type = \"default\"", Api::Spin),
            ("api_type = \"open_ai\"", Api::OpenAi),
        ] {
            let config = config(&format!(
                "[llm_compute]\ntype = \"remote_http\"\nurl = \"http://models.example:1/x\"\n\
                 auth_token = \"t\"\n{line}"
            ));
            let remote = config.unwrap().language_models(None).unwrap().unwrap();
            assert_eq!(
                (remote.endpoint.to_string().as_str(), remote.api),
                ("http://models.example:1", api)
            );
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let missing = config("[llm_compute]\ntype = \"remote_http\"\n").unwrap_err();
        assert!(missing.contains("missing key `llm_compute.url`"), "{missing}");
        assert!(missing.contains("missing key `llm_compute.auth_token`"), "{missing}");
        let wrong = config(
            "[llm_compute]\ntype = \"remote_http\"\nurl = \"models.example\"\nauth_token = \"a\"\n\
             api_type = \"openai\"\n",
        );
        let wrong = wrong.unwrap_err();
        assert!(wrong.contains("`llm_compute.url` is not a URL"), "{wrong}");
        assert!(wrong.contains("did you mean `open_ai`?"), "{wrong}");
    }

    #[test]
    fn models_in_this_process_are_refused_if_a_component_has_them() {
        let local = config("[llm_compute]\ntype = \"spin\"\n").unwrap();
        assert_eq!(local.language_models(None).unwrap(), None);
        let error = local.language_models(Some("chat")).unwrap_err().to_string();
        assert!(error.contains("`chat`") && error.contains("`spin`"), "{error}");
        assert_eq!(config("").unwrap().language_models(Some("chat")).unwrap(), None);
    }
}
