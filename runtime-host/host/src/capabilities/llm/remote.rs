//! A server of language models.

use super::interface::{Embedded, Fault, Inferred, Parameters};
use super::{open_ai, spin_api};
use crate::capabilities::endpoint::{Answer, Endpoint};
use crate::capabilities::outbound_http::Client;
use crate::telemetry::TraceContext;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The interface of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// Spin's own.
    Spin,
    /// That of OpenAI, which other servers have, too.
    OpenAi,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) endpoint: Endpoint,
    pub(crate) api: Api,
}

/// A message to the server, which is answered by `A`.
pub(super) trait Question: Serialize {
    const PATH: &'static str;
    type Answer: DeserializeOwned;
}

/// How requests of one call are sent.
pub(super) struct Sending<'a> {
    pub(super) client: &'a Client,
    pub(super) trace: &'a TraceContext,
}

impl Remote {
    pub(super) async fn infer(
        &self,
        sending: Sending<'_>,
        model: &str,
        prompt: &str,
        parameters: Parameters,
    ) -> Result<Inferred, Fault> {
        match self.api {
            Api::Spin => {
                let question = spin_api::Inference { model, prompt, options: parameters };
                Ok(self.ask(sending, &question).await?.into())
            }
            Api::OpenAi => {
                let question = open_ai::Completion::new(model, prompt, parameters);
                self.ask(sending, &question).await?.into_result()
            }
        }
    }

    pub(super) async fn embed(
        &self,
        sending: Sending<'_>,
        model: &str,
        texts: &[String],
    ) -> Result<Embedded, Fault> {
        match self.api {
            Api::Spin => {
                let question = spin_api::Embedding { model, input: texts };
                Ok(self.ask(sending, &question).await?.into())
            }
            Api::OpenAi => {
                let question = open_ai::Embedding { model, input: texts };
                self.ask(sending, &question).await?.into_result()
            }
        }
    }

    async fn ask<Q: Question>(
        &self,
        sending: Sending<'_>,
        question: &Q,
    ) -> Result<Q::Answer, Fault> {
        let Sending { client, trace } = sending;
        let answer = self.endpoint.post(client, Q::PATH, question, trace).await;
        let Answer { status, body } = answer.map_err(Fault::RuntimeError)?;
        serde_json::from_slice(&body).map_err(|error| {
            let (endpoint, path) = (&self.endpoint, Q::PATH);
            Fault::RuntimeError(format!(
                "{endpoint}{path} answered {} and not what was expected: {error}",
                status.as_u16()
            ))
        })
    }
}
