//! `tessera:flags/evaluation`: feature flags, answered from memory.
//!
//! A call keeps the definitions that its first evaluation found, so that its evaluations agree with
//! each other even if an operator changes a flag meanwhile.

use super::platform::Platform;
use crate::capabilities::State;
use crate::feature_flags;
use crate::telemetry::otlp::{Attribute, Details};
use crate::telemetry::{OTHER, Outcome, SpanKind};
use std::sync::Arc;
use tessera_flags::{Evaluation, Kind, Value};
use wasmtime::component::{Accessor, ComponentType, Lift, Linker, Lower};

wasmtime::component::bindgen!({
    path: "../../wit/flags",
    world: "client",
    inline: "
        package tessera:host;
        world client { import tessera:%flags/evaluation@1.0.0; }
    ",
});

use tessera::flags::evaluation as contract;

/// The interface that [`define`] defines.
pub(crate) const NAME: &str = "tessera:flags/evaluation@1.0.0";

pub(crate) fn define(linker: &mut Linker<State>, platform: &Arc<Platform>) -> anyhow::Result<()> {
    let boolean = Function {
        name: "evaluate-boolean",
        kind: Kind::Boolean,
        value: |value| match value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        },
        result: |value, details| contract::BooleanEvaluation { value, details },
    };
    let string = Function {
        name: "evaluate-string",
        kind: Kind::String,
        value: text,
        result: |value, details| contract::StringEvaluation { value, details },
    };
    let integer = Function {
        name: "evaluate-integer",
        kind: Kind::Integer,
        value: |value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        },
        result: |value, details| contract::IntegerEvaluation { value, details },
    };
    let double = Function {
        name: "evaluate-double",
        kind: Kind::Double,
        value: |value| match value {
            Value::Double(number) => Some(*number),
            _ => None,
        },
        result: |value, details| contract::DoubleEvaluation { value, details },
    };
    let object = Function { name: "evaluate-object", kind: Kind::Object, ..string };
    boolean.define(linker, platform)?;
    string.define(linker, platform)?;
    integer.define(linker, platform)?;
    double.define(linker, platform)?;
    object.define(linker, platform)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) | Value::Object(text) => Some(text.to_string()),
        _ => None,
    }
}

/// A function of the interface: a type of flags.
struct Function<T, R> {
    name: &'static str,
    kind: Kind,
    /// The value of a flag of this type.
    value: fn(&Value) -> Option<T>,
    result: fn(T, contract::Details) -> R,
}

impl<T, R> Function<T, R>
where
    T: ComponentType + Lift + Send + Sync + 'static,
    R: ComponentType + Lower + Send + Sync + 'static,
{
    fn define(self, linker: &mut Linker<State>, platform: &Arc<Platform>) -> anyhow::Result<()> {
        type Arguments<T> = (String, T, contract::Context);
        let (name, function, platform) = (self.name, Arc::new(self), platform.clone());
        let mut instance = linker.instance(NAME).map_err(anyhow::Error::from)?;
        let defined = instance.func_wrap_concurrent(
            name,
            move |accessor, (key, default, context): Arguments<T>| {
                let (function, platform) = (function.clone(), platform.clone());
                Box::pin(async move {
                    Ok((function.evaluate(accessor, &platform, &key, default, context),))
                })
            },
        );
        defined.map_err(anyhow::Error::from)
    }

    fn evaluate(
        &self,
        accessor: &Accessor<State>,
        platform: &Platform,
        key: &str,
        default: T,
        context: contract::Context,
    ) -> R {
        accessor.with(|mut access| {
            let state = access.get();
            let flags = state.guest.flags.get_or_insert_with(|| platform.flags.snapshot()).clone();
            let context = from_contract(context);
            let metrics = &state.component.telemetry.metrics;
            let evaluation =
                feature_flags::evaluate(&flags, key, Some(self.kind), context.as_ref(), metrics);
            record(state, &evaluation);
            let value = evaluation.variant.and_then(|variant| (self.value)(&variant.value));
            (self.result)(value.unwrap_or(default), details(&evaluation))
        })
    }
}

/// A span within the call, with the attributes of OpenTelemetry's conventions.
fn record(state: &State, evaluation: &Evaluation<'_>) {
    let telemetry = &state.component.telemetry;
    let key = evaluation.flag.map_or(OTHER, |flag| flag.key());
    let variant = evaluation.variant.map(|variant| &*variant.name);
    let operation = match variant {
        Some(variant) => format!("{key}={variant}"),
        None => key.to_owned(),
    };
    let mut span =
        telemetry.span(SpanKind::Flag, &state.component.id, operation, &state.call.trace);
    if telemetry.export.takes(&span.context) {
        let reason = evaluation.reason.name().to_ascii_lowercase();
        let mut attributes: Vec<Attribute> = vec![
            ("feature_flag.key", key.to_owned().into()),
            ("feature_flag.provider.name", "tessera".into()),
            ("feature_flag.result.reason", reason.into()),
        ];
        attributes.extend(
            variant.map(|variant| ("feature_flag.result.variant", variant.to_owned().into())),
        );
        attributes.extend(
            evaluation
                .error
                .as_ref()
                .map(|error| ("error.type", error.code.name().to_ascii_lowercase().into())),
        );
        span.details = Some(Arc::new(Details { attributes, links: Vec::new() }));
    }
    span.end(if evaluation.error.is_some() { Outcome::Refused } else { Outcome::Ok });
}

tessera_flags::contract_conversions!(contract);
