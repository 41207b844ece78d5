//! The labels of metrics.

use super::declarations::{LabelSet, labels};
use crate::telemetry::{Operation, Outcome};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use std::fmt::{self, Write as _};
use std::sync::Arc;

labels! {
    /// Labels of everything that has a beginning and an end.
    CallLabels {
        component: Text<Arc<str>>,
        /// The route of a request, `interface.function` of a link, the operation of a store.
        route: Text<Operation>,
        /// An HTTP status, `ok`, `refused`, `cancelled` or the name of a failure.
        status: Text<Outcome>,
    }

    /// Labels of exemplars: the trace that a duration is an example of.
    TraceLabels {
        trace_id: Text<TraceId>,
    }

    /// Labels of calls over links. The calling component is not known by the route.
    LinkLabels {
        component: Text<Arc<str>>,
        route: Text<Operation>,
        status: Text<Outcome>,
        caller: Text<Arc<str>>,
    }

    /// Labels of what a component has.
    ComponentLabels {
        component: String,
    }

    /// Labels of what a component has published.
    PublishLabels {
        component: String,
        /// `fresh` or `duplicate`.
        outcome: &'static str,
    }

    /// Labels of deliveries.
    DeliveryLabels {
        /// One of the manifest.
        subscription: String,
        /// `done`, `rejected`, `failed` or `deferred`.
        outcome: &'static str,
    }

    /// Labels of what a subscription has.
    SubscriptionLabels {
        subscription: String,
    }

    /// Labels of copies of calls for candidates.
    CopyLabels {
        component: String,
        /// `same`, `different`, `dropped` or `not-compared`.
        outcome: &'static str,
    }

    /// Labels of injected faults.
    FaultLabels {
        /// The kind of the target, for example `call`.
        target: &'static str,
        /// The kind of the effect, for example `latency`.
        effect: &'static str,
    }

    /// Labels of the host itself.
    BuildLabels {
        version: &'static str,
    }

    /// Labels of what happened at a limit of the HTTP front.
    LimitLabels {
        /// The name of its flag.
        limit: &'static str,
    }
}

/// A label that is formatted when metrics are read, not when something is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Text<T>(pub(super) T);

impl<T: fmt::Display> EncodeLabelValue for Text<T> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        write!(encoder, "{}", self.0)
    }
}

/// The id of a trace, written as in W3C Trace Context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TraceId(pub(super) u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
