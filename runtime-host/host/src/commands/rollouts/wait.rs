//! Shows a rollout until it ends.

use super::{history, print};
use crate::commands::admin_client::Connection;
use crate::rollouts::{Event, RevisionId};
use std::process::ExitCode;
use std::time::Duration;

/// How often the host is asked.
const INTERVAL: Duration = Duration::from_millis(250);
/// The exit code if the revision does not serve calls in the end.
const ROLLED_BACK: u8 = 1;

/// Prints what happens to a candidate that was deployed just now. Returns once it is promoted, rolled
/// back or refused, or waits for an operator.
pub(super) async fn until_decided(
    host: &Connection,
    id: &str,
    candidate: &RevisionId,
) -> anyhow::Result<ExitCode> {
    let (mut shown, mut since_ms) = (0, None);
    loop {
        let component = host.component(id).await?;
        let ours = component.history.iter().filter(|entry| entry.revision == *candidate);
        // The same revision may have been deployed before.
        let mut deployed = ours.clone().rev().filter(|entry| entry.event == Event::Deployed);
        let since_ms = *since_ms.get_or_insert_with(|| deployed.next().map_or(0, |one| one.at_ms));
        for entry in ours.filter(|entry| entry.at_ms >= since_ms).skip(shown) {
            shown += 1;
            print(&format!("{candidate}  {}", history::event(&entry.event)));
            match entry.event {
                Event::Promoted => return Ok(ExitCode::SUCCESS),
                Event::RolledBack { .. } | Event::Refused { .. } => {
                    return Ok(ExitCode::from(ROLLED_BACK));
                }
                Event::Deployed
                | Event::Configured { .. }
                | Event::Step { .. }
                | Event::Started => {}
            }
        }
        if component.rollout.is_some_and(|rollout| rollout.waits) {
            print(&format!("{candidate}  waits: `tessera promote {id}` gives it all calls"));
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
