//! Evaluations, with their metrics.

use crate::telemetry::Metrics;
use tessera_flags::{Context, ErrorCode, Evaluation, Flags, InvalidContext, Kind};

/// Evaluates a flag for a context, and counts the evaluation.
pub(crate) fn evaluate<'a>(
    flags: &'a Flags,
    key: &str,
    wanted: Option<Kind>,
    context: Result<&Context, &InvalidContext>,
    metrics: &Metrics,
) -> Evaluation<'a> {
    let evaluation = match context {
        Ok(context) => flags.evaluate(key, wanted, context),
        Err(InvalidContext(reason)) => Evaluation {
            flag: flags.get(key).map(|flag| &**flag),
            ..Evaluation::error(ErrorCode::InvalidContext, reason)
        },
    };
    let variant = evaluation.variant.map(|variant| &variant.name);
    metrics.flags.evaluated(evaluation.flag.map(|flag| flag.key()), variant);
    evaluation
}
