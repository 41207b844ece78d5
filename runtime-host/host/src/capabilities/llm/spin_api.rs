//! The interface of Spin's own servers of language models.

use super::interface::{Embedded, Inferred, Parameters};
use super::remote::Question;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
pub(super) struct Inference<'a> {
    pub(super) model: &'a str,
    pub(super) prompt: &'a str,
    pub(super) options: Parameters,
}

#[derive(Deserialize)]
pub(super) struct InferenceAnswer {
    text: String,
    usage: InferenceUsage,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InferenceUsage {
    prompt_token_count: u32,
    generated_token_count: u32,
}

#[derive(Serialize)]
pub(super) struct Embedding<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a [String],
}

#[derive(Deserialize)]
pub(super) struct EmbeddingAnswer {
    embeddings: Vec<Vec<f32>>,
    usage: EmbeddingUsage,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EmbeddingUsage {
    prompt_token_count: u32,
}

impl Question for Inference<'_> {
    const PATH: &'static str = "/infer";
    type Answer = InferenceAnswer;
}

impl Question for Embedding<'_> {
    const PATH: &'static str = "/embed";
    type Answer = EmbeddingAnswer;
}

impl From<InferenceAnswer> for Inferred {
    fn from(InferenceAnswer { text, usage }: InferenceAnswer) -> Self {
        Self {
            text,
            prompt_tokens: usage.prompt_token_count,
            generated_tokens: usage.generated_token_count,
        }
    }
}

impl From<EmbeddingAnswer> for Embedded {
    fn from(EmbeddingAnswer { embeddings, usage }: EmbeddingAnswer) -> Self {
        Self { embeddings, prompt_tokens: usage.prompt_token_count }
    }
}
