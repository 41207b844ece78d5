//! Shows a rollout until it ends.

use super::{history, print};
use crate::commands::admin_client::Connection;
use crate::rollouts::{CodeId, Event};
use std::process::ExitCode;
use std::time::Duration;

/// How often the host is asked.
const INTERVAL: Duration = Duration::from_millis(250);
/// The exit code if the revision does not serve calls in the end.
const ROLLED_BACK: u8 = 1;

/// Prints what happens to a candidate that was deployed at this time or later. Returns once it is
/// promoted, rolled back or refused, or waits for an operator.
pub(super) async fn until_decided(
    host: &Connection,
    id: &str,
    candidate: &CodeId,
    since_ms: u64,
) -> anyhow::Result<ExitCode> {
    let mut shown = 0;
    loop {
        let component = host.component(id).await?;
        let ours = component.history.iter();
        let ours = ours.filter(|entry| entry.revision == *candidate && entry.at_ms >= since_ms);
        for entry in ours.skip(shown) {
            shown += 1;
            print(&format!("{candidate}  {}", history::event(&entry.event)));
            match entry.event {
                Event::Promoted => return Ok(ExitCode::SUCCESS),
                Event::RolledBack { .. } | Event::Refused { .. } => {
                    return Ok(ExitCode::from(ROLLED_BACK));
                }
                Event::Deployed | Event::Step { .. } | Event::Started => {}
            }
        }
        if component.rollout.is_some_and(|rollout| rollout.waits) {
            print(&format!("{candidate}  waits: `tessera promote {id}` gives it all calls"));
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
