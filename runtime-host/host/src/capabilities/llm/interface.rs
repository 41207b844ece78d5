//! What all versions of the interface have in common.

use super::remote::{Remote, Sending};
use crate::capabilities::State;
use crate::capabilities::remote::RemoteError;
use serde::Serialize;
use std::sync::Arc;

/// How a text is generated.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::capabilities) struct Parameters {
    pub(in crate::capabilities) max_tokens: u32,
    pub(in crate::capabilities) repeat_penalty: f32,
    pub(in crate::capabilities) repeat_penalty_last_n_token_count: u32,
    pub(in crate::capabilities) temperature: f32,
    pub(in crate::capabilities) top_k: u32,
    pub(in crate::capabilities) top_p: f32,
}

/// Those of stock Spin.
impl Default for Parameters {
    fn default() -> Self {
        Self {
            max_tokens: 100,
            repeat_penalty: 1.1,
            repeat_penalty_last_n_token_count: 64,
            temperature: 0.8,
            top_k: 40,
            top_p: 0.9,
        }
    }
}

/// A generated text.
pub(in crate::capabilities) struct Inferred {
    pub(in crate::capabilities) text: String,
    pub(in crate::capabilities) prompt_tokens: u32,
    pub(in crate::capabilities) generated_tokens: u32,
}

/// The vectors of texts.
pub(in crate::capabilities) struct Embedded {
    pub(in crate::capabilities) embeddings: Vec<Vec<f32>>,
    pub(in crate::capabilities) prompt_tokens: u32,
}

/// Why a function failed, in the words that all versions share.
#[derive(Debug)]
pub(in crate::capabilities) enum Fault {
    InvalidInput(String),
    RuntimeError(String),
}

impl State {
    /// The server, if the manifest grants this model.
    fn models(&self, model: &str) -> Result<Arc<Remote>, Fault> {
        let id = &self.component.id;
        if !self.guest.grants.models.contains(model) {
            tracing::warn!(
                component = %id,
                "it may not use the model `{model}`: its `ai_models` do not name it"
            );
            return Err(Fault::InvalidInput(format!(
                "the component may not use the model '{model}': add it to the `ai_models` of \
                 [component.{id}]"
            )));
        }
        self.guest.grants.llm.clone().ok_or_else(|| {
            Fault::RuntimeError("no server of language models is configured for the host".into())
        })
    }

    /// Generates a text.
    pub(in crate::capabilities) async fn infer_text(
        &mut self,
        model: &str,
        prompt: &str,
        parameters: Parameters,
    ) -> Result<Inferred, Fault> {
        let server = self.models(model)?;
        let sending = self.sending();
        let inferred = server.infer(sending, model, prompt, parameters);
        self.remote_operation("llm.infer").run(inferred).await.map_err(fault)
    }

    /// Makes vectors of texts.
    pub(in crate::capabilities) async fn embed_texts(
        &mut self,
        model: &str,
        texts: &[String],
    ) -> Result<Embedded, Fault> {
        let server = self.models(model)?;
        let embedded = server.embed(self.sending(), model, texts);
        self.remote_operation("llm.embed").run(embedded).await.map_err(fault)
    }

    fn sending(&self) -> Sending<'_> {
        Sending { client: self.guest.grants.outbound.client(), trace: &self.call.trace }
    }
}

fn fault(error: RemoteError<Fault>) -> Fault {
    match error {
        RemoteError::Failed(fault) => fault,
        RemoteError::DeadlineExceeded => {
            Fault::RuntimeError("the deadline of the call has passed".into())
        }
    }
}

/// One version of the interface.
macro_rules! convert {
    ($version:path) => {
        use $version as version;

        impl From<version::InferencingParams> for Parameters {
            fn from(parameters: version::InferencingParams) -> Self {
                Self {
                    max_tokens: parameters.max_tokens,
                    repeat_penalty: parameters.repeat_penalty,
                    repeat_penalty_last_n_token_count: parameters.repeat_penalty_last_n_token_count,
                    temperature: parameters.temperature,
                    top_k: parameters.top_k,
                    top_p: parameters.top_p,
                }
            }
        }

        impl From<Inferred> for version::InferencingResult {
            fn from(inferred: Inferred) -> Self {
                let usage = version::InferencingUsage {
                    prompt_token_count: inferred.prompt_tokens,
                    generated_token_count: inferred.generated_tokens,
                };
                Self { text: inferred.text, usage }
            }
        }

        impl From<Embedded> for version::EmbeddingsResult {
            fn from(embedded: Embedded) -> Self {
                let usage = version::EmbeddingsUsage { prompt_token_count: embedded.prompt_tokens };
                Self { embeddings: embedded.embeddings, usage }
            }
        }

        impl From<Fault> for version::Error {
            fn from(fault: Fault) -> Self {
                match fault {
                    Fault::InvalidInput(text) => Self::InvalidInput(text),
                    Fault::RuntimeError(text) => Self::RuntimeError(text),
                }
            }
        }

        impl version::Host for State {
            async fn infer(
                &mut self,
                model: String,
                prompt: String,
                parameters: Option<version::InferencingParams>,
            ) -> wasmtime::Result<Result<version::InferencingResult, version::Error>> {
                let parameters = parameters.map(Into::into).unwrap_or_default();
                let inferred = self.infer_text(&model, &prompt, parameters).await;
                Ok(inferred.map(Into::into).map_err(Into::into))
            }

            async fn generate_embeddings(
                &mut self,
                model: String,
                texts: Vec<String>,
            ) -> wasmtime::Result<Result<version::EmbeddingsResult, version::Error>> {
                let embedded = self.embed_texts(&model, &texts).await;
                Ok(embedded.map(Into::into).map_err(Into::into))
            }
        }
    };
}
pub(in crate::capabilities) use convert;
