//! `tessera chaos add`.

use super::print;
use crate::chaos::{Access, Effect, Fault, Target};
use crate::commands::admin_client::RunningHost;
use clap::{ArgGroup, Args};

/// Inject a fault.
///
/// Names may end with `*`, and then match what begins like them.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("target").required(true).args([
        "to", "between", "host", "store", "publish", "delivery", "clock",
    ])),
    group(ArgGroup::new("effect").required(true).args([
        "latency_ms", "error", "trap", "hang", "lost_answer", "duplicate", "reorder", "step_ms",
    ]))
)]
pub(super) struct Add {
    /// Calls of this component.
    #[arg(long, value_name = "COMPONENT")]
    to: Option<String>,
    /// Calls between this component and that of `--and`, in both directions: a partition.
    #[arg(long, value_name = "COMPONENT", requires = "and")]
    between: Option<String>,
    /// With `--between`: the other component; `outside` is no component.
    #[arg(long, value_name = "COMPONENT", requires = "between")]
    and: Option<String>,
    /// Requests of components to this host, by its name or address.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Operations on this key-value store.
    #[arg(long, value_name = "LABEL")]
    store: Option<String>,
    /// Events of this type that are published.
    #[arg(long, value_name = "TYPE")]
    publish: Option<String>,
    /// Deliveries of this subscription.
    #[arg(long, value_name = "SUBSCRIPTION")]
    delivery: Option<String>,
    /// The wall clock of this component.
    #[arg(long, value_name = "COMPONENT")]
    clock: Option<String>,
    /// With `--to` or `--host`: only what this component calls; `outside` is no component.
    #[arg(long, value_name = "COMPONENT", default_value = "*",
          conflicts_with_all = ["between", "store", "publish", "delivery", "clock"])]
    from: String,
    /// With `--to`: only this function (`stock.find`) or route (`GET /products/:id`).
    #[arg(long, value_name = "OPERATION", default_value = "*",
          conflicts_with_all = ["between", "host", "store", "publish", "delivery", "clock"])]
    operation: String,
    /// With `--store`: only reads or writes.
    #[arg(long, value_enum, default_value_t,
          conflicts_with_all = ["to", "between", "host", "publish", "delivery", "clock"])]
    access: Access,
    /// It takes longer: a number of milliseconds, or a random one between two numbers.
    #[arg(long, value_name = "MIN..MAX", value_parser = latency)]
    latency_ms: Option<Effect>,
    /// It fails and has no effect.
    #[arg(long)]
    error: bool,
    /// The component traps, before its work has an effect.
    #[arg(long)]
    trap: bool,
    /// It has no result until its caller gives up, or for 30 s.
    #[arg(long)]
    hang: bool,
    /// It has its effect, but its result is lost.
    #[arg(long)]
    lost_answer: bool,
    /// The event is delivered twice.
    #[arg(long)]
    duplicate: bool,
    /// The event is delivered again after a later one.
    #[arg(long)]
    reorder: bool,
    /// The clock shows a later time, or an earlier one: a number of milliseconds.
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    step_ms: Option<i64>,
    /// The share of operations, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0)]
    rate_percent: f64,
    /// For how long, in milliseconds; at most an hour.
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    duration_ms: u64,
    #[command(flatten)]
    at: RunningHost,
}

impl Add {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let fault = self.fault();
        fault.check().map_err(anyhow::Error::msg)?;
        let id = self.at.connect()?.add(&fault).await?;
        print(&format!("fault {id} is active for {} ms", fault.duration_ms));
        Ok(())
    }

    fn fault(&self) -> Fault {
        Fault {
            target: self.target(),
            effect: self.effect(),
            rate_percent: self.rate_percent,
            duration_ms: self.duration_ms,
        }
    }

    fn target(&self) -> Target {
        let from = self.from.clone();
        if let Some(to) = self.to.clone() {
            return Target::Call { to, from, operation: self.operation.clone() };
        }
        if let (Some(between), Some(and)) = (self.between.clone(), self.and.clone()) {
            return Target::Partition { between, and };
        }
        if let Some(component) = self.clock.clone() {
            return Target::Clock { component };
        }
        if let Some(host) = self.host.clone() {
            return Target::Host { host, from };
        }
        if let Some(label) = self.store.clone() {
            return Target::Store { label, access: self.access };
        }
        match (&self.publish, &self.delivery) {
            (Some(event_type), _) => Target::Publish { event_type: event_type.clone() },
            (None, subscription) => {
                Target::Delivery { subscription: subscription.clone().unwrap_or_default() }
            }
        }
    }

    fn effect(&self) -> Effect {
        let flags = [
            (self.error, Effect::Error),
            (self.trap, Effect::Trap),
            (self.hang, Effect::Hang),
            (self.lost_answer, Effect::LostAnswer),
            (self.duplicate, Effect::Duplicate),
        ];
        let flag = flags.into_iter().find_map(|(given, effect)| given.then_some(effect));
        let step = self.step_ms.map(|by_ms| Effect::Step { by_ms });
        flag.or(self.latency_ms).or(step).unwrap_or(Effect::Reorder)
    }
}

/// `200` or `100..300`.
fn latency(text: &str) -> Result<Effect, String> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    match (min.parse(), max.parse()) {
        (Ok(min_ms), Ok(max_ms)) => Ok(Effect::Latency { min_ms, max_ms }),
        _ => Err("write milliseconds, such as 200 or 100..300".to_owned()),
    }
}
