//! `[[trigger.command]]`: a program that the application runs once. The application ends with it.

use crate::calls::Call;
use crate::engine::{Ended, FunctionCall, FunctionName, Functions};
use crate::registry::Registry;
use crate::telemetry::{SpanKind, TraceContext};
use std::sync::Arc;

/// The program.
pub(crate) struct Command {
    pub(crate) registry: Arc<Registry<Functions>>,
    pub(crate) component: String,
    /// Its `run`, in the version of WASI that it was built for.
    pub(crate) function: FunctionName,
}

impl Command {
    /// Runs it to its end, and returns its exit code.
    pub(crate) async fn run(self) -> u8 {
        let component = &self.component;
        match self.call().await {
            Ok(code) => {
                tracing::info!(%component, code, "the command has ended");
                code
            }
            Err(fault) => {
                tracing::error!(%component, "the command failed: {fault}");
                1
            }
        }
    }

    async fn call(&self) -> Result<u8, String> {
        let entry = self.registry.resolve(&self.component).map_err(|error| error.to_string())?;
        let request = FunctionCall::without_arguments(self.function.clone());
        let call = Call::from_outside(SpanKind::Host, "command".into(), TraceContext::root());
        let results = entry.call(call, request).await.map_err(|error| error.to_string())?;
        Ok(match Ended::of(&results) {
            Ended::Ok => 0,
            Ended::Failed(_) => 1,
            Ended::Exited(code) => code,
        })
    }
}
