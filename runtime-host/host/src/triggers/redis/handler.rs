//! Handles the messages of one trigger.

use super::QUEUED_MESSAGES_MAX;
use crate::calls::Call;
use crate::message::Messages;
use crate::registry::Registry;
use crate::telemetry::{SpanKind, TraceContext};
use crate::triggers::failures::Failures;
use bytes::Bytes;
use std::sync::Arc;
use tessera_manifest::ComponentId;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A component and the messages that wait for it.
pub(super) struct Handler {
    registry: Arc<Registry<Messages>>,
    component: ComponentId,
    channel: Arc<str>,
    queue: mpsc::Receiver<Bytes>,
}

impl Handler {
    pub(super) fn new(
        registry: Arc<Registry<Messages>>,
        component: ComponentId,
        channel: Arc<str>,
    ) -> (Self, mpsc::Sender<Bytes>) {
        let (sender, queue) = mpsc::channel(QUEUED_MESSAGES_MAX);
        (Self { registry, component, channel, queue }, sender)
    }

    /// Handles messages until no more can come.
    pub(super) async fn run(mut self) {
        let mut failures = Failures::default();
        while let Some(payload) = self.queue.recv().await {
            match self.handle(payload).await {
                Ok(()) => failures.ended(),
                Err(fault) => {
                    if let Some(unlogged) = failures.failed(Instant::now()) {
                        let Self { component, channel, .. } = &self;
                        tracing::error!(
                            %component,
                            unlogged,
                            "a message of the Redis channel `{channel}` was not handled: {fault}"
                        );
                    }
                }
            }
        }
    }

    async fn handle(&self, payload: Bytes) -> Result<(), String> {
        let entry = self.registry.resolve(&self.component).map_err(|error| error.to_string())?;
        let max_bytes = entry.body_max_bytes();
        if payload.len() as u64 > max_bytes {
            let length = payload.len();
            return Err(format!("it has {length} bytes, and `body_max_kib` allows {max_bytes}"));
        }
        let trace = TraceContext::root();
        let call = Call::from_outside(SpanKind::Message, self.channel.clone(), trace);
        match entry.call(call, payload).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the component returned the error {error}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
