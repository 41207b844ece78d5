//! The event log of an application: whether it needs one, who subscribes, where its file is.

use super::OperatorLimits;
use crate::capabilities::platform::is_events_interface;
use crate::links::{self, Link};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tessera_events::embedded::Embedded;
use tessera_events::{Member, Mode, Options, Pattern, StartAt, Subscription};
use tessera_manifest::{App, Component, ComponentId, DeliveryMode, SubscribeFrom};

/// The log's file in the state directory.
const FILE_NAME: &str = "events.db";
/// Beyond a multiple of what the log keeps, for its indexes and what is owed to subscriptions.
const DATABASE_EXTRA_BYTES: u64 = 256 << 20;
/// How much longer a delivery may take than the call of the component that receives it.
const DELIVERY_SLACK: Duration = Duration::from_secs(5);

/// The log, if a component that runs publishes, reads or subscribes.
pub(super) fn open(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    limits: &OperatorLimits,
    state_dir: &Path,
) -> anyhow::Result<Option<Arc<Embedded>>> {
    let components: Vec<&Component> = ids.iter().map(|id| &app.components[id]).collect();
    let subscriptions = subscriptions(&components)?;
    let uses_it =
        |link: &Link| matches!(link, Link::Host { dependency } if is_events_interface(dependency));
    let imported = components
        .iter()
        .flat_map(|component| links::of(app, component))
        .any(|link| uses_it(&link));
    if !imported && subscriptions.is_empty() {
        return Ok(None);
    }
    let label = FILE_NAME.trim_end_matches(".db");
    let same_file = |one: &&Component| one.key_value_stores.iter().any(|own| own == label);
    if let Some(component) = components.iter().copied().find(|one| same_file(one)) {
        anyhow::bail!(
            "the store `{label}` of `{}` would have the file of the event log: rename the store",
            component.id
        );
    }
    let path = state_dir.join(FILE_NAME);
    let log = Embedded::open(&path, options(app, &components, limits), subscriptions);
    let log = log.with_context(|| format!("the event log {} can't be used", path.display()))?;
    Ok(Some(Arc::new(log)))
}

fn options(app: &App, components: &[&Component], limits: &OperatorLimits) -> Options {
    let mut options = Options::default();
    let settings = &app.settings.events;
    if let Some(hours) = settings.retention_hours {
        options.retention_age_max = Duration::from_secs(hours * 60 * 60);
    }
    if let Some(mib) = settings.retention_max_mib {
        options.retention_bytes_max = mib << 20;
        // The space for events of lagging subscriptions, and the maximum file size.
        options.hard_bytes_max = options.retention_bytes_max * 2;
        options.database_bytes_max = options.retention_bytes_max * 4 + DATABASE_EXTRA_BYTES;
    }
    // A component's own deadline decides; this one is for a call that ignores it.
    let deadlines = components.iter().filter(|one| !one.settings.subscribe.is_empty()).map(|one| {
        let own = one.settings.limits.or(&app.settings.limits);
        super::limits::resolve(&own, app.settings.declared, limits, false).deadline + DELIVERY_SLACK
    });
    options.delivery_timeout = deadlines.max().unwrap_or(options.delivery_timeout);
    options
}

/// The groups of all components, by name. What members of a group must agree on has been
/// checked with the manifest.
fn subscriptions(components: &[&Component]) -> anyhow::Result<Vec<Subscription>> {
    let mut groups: BTreeMap<&str, Subscription> = BTreeMap::new();
    for component in components {
        for written in &component.settings.subscribe {
            let types: Result<Vec<Pattern>, _> =
                written.types.iter().map(|pattern| Pattern::parse(pattern)).collect();
            let group = groups.entry(&written.group).or_insert(Subscription {
                name: written.group.clone(),
                members: vec![],
                types: types?,
                concurrency_max: written.concurrency_max as usize,
                attempts_max: written.attempts_max,
                start_at: match written.from {
                    SubscribeFrom::Start => StartAt::Start,
                    SubscribeFrom::Now => StartAt::Now,
                },
            });
            group.members.push(Member {
                component: component.id.clone(),
                path: written.path.clone(),
                mode: match written.mode {
                    DeliveryMode::Binary => Mode::Binary,
                    DeliveryMode::Structured => Mode::Structured,
                    DeliveryMode::Batch => Mode::Batch { events_max: written.batch_max as usize },
                },
            });
        }
    }
    Ok(groups.into_values().collect())
}
