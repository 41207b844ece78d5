//! Telemetry in the form of OTLP, the protocol of OpenTelemetry, up to the queues from which it is
//! sent. <https://opentelemetry.io/docs/specs/otlp/>
//!
//! Nothing here waits: what finds a queue full is dropped and counted. Without an exporter there is
//! no queue, and a span costs one comparison more.

mod conventions;
mod instruments;
mod items;
mod log_layer;
mod logs;
mod metrics;
mod protobuf;
mod queues;
mod requests;
mod sampler;
mod spans;
mod values;

pub(crate) use items::Item;
pub(crate) use log_layer::LogLayer;
pub(crate) use logs::GuestLine;
pub(crate) use metrics::Period;
pub(crate) use protobuf::{Field, Message, fields};
pub(crate) use queues::{
    Counts, Encoded, Export, GUEST_METRICS_MAX, GuestMetrics, Queued, Receivers, Signal,
};
pub(crate) use requests::{Resource, logs_request, metrics_request, traces_request};
pub(crate) use sampler::{Rule, Sampler};
pub(crate) use spans::{Details, Link};
pub(crate) use values::{Attribute, Value, cut, json_attribute, json_text, text_attribute};
