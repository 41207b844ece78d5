//! The interface of OpenAI. Of the parameters, it has the number of tokens and the penalty.

use super::interface::{Embedded, Fault, Inferred, Parameters};
use super::remote::Question;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
pub(super) struct Completion<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
    max_completion_tokens: u32,
    frequency_penalty: f32,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
pub(super) struct Embedding<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a [String],
}

/// An answer, or what went wrong.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Answer<A> {
    Success(A),
    Failure { error: Failure },
}

#[derive(Deserialize)]
pub(super) struct Failure {
    message: String,
}

#[derive(Deserialize)]
pub(super) struct Completed {
    choices: Vec<Choice>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Generated,
}

#[derive(Deserialize)]
struct Generated {
    content: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Embeddings {
    data: Vec<Vector>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Vector {
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u32,
    /// Embeddings have none.
    #[serde(default)]
    completion_tokens: u32,
}

impl<'a> Completion<'a> {
    pub(super) fn new(model: &'a str, prompt: &'a str, parameters: Parameters) -> Self {
        Self {
            model,
            messages: [Message { role: "user", content: prompt }],
            max_completion_tokens: parameters.max_tokens,
            frequency_penalty: parameters.repeat_penalty,
        }
    }
}

impl Question for Completion<'_> {
    const PATH: &'static str = "/v1/chat/completions";
    type Answer = Answer<Completed>;
}

impl Question for Embedding<'_> {
    const PATH: &'static str = "/v1/embeddings";
    type Answer = Answer<Embeddings>;
}

impl<A> Answer<A> {
    pub(super) fn into_result<T: From<A>>(self) -> Result<T, Fault> {
        match self {
            Self::Success(answer) => Ok(answer.into()),
            Self::Failure { error } => Err(Fault::RuntimeError(error.message)),
        }
    }
}

impl From<Completed> for Inferred {
    fn from(Completed { choices, usage }: Completed) -> Self {
        let first = choices.into_iter().next();
        Self {
            text: first.and_then(|choice| choice.message.content).unwrap_or_default(),
            prompt_tokens: usage.prompt_tokens,
            generated_tokens: usage.completion_tokens,
        }
    }
}

impl From<Embeddings> for Embedded {
    fn from(Embeddings { data, usage }: Embeddings) -> Self {
        let embeddings = data.into_iter().map(|vector| vector.embedding).collect();
        Self { embeddings, prompt_tokens: usage.prompt_tokens }
    }
}
