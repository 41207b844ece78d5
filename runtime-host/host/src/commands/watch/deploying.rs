//! Gives a running component the code that a build has made.

use crate::rollouts::{Code, CodeId, Cohort, Deployment, Event, RevisionId, Rollouts};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tessera_rollout::plan::Plan;

/// How often it is looked whether the code is compiled.
const LOOK: Duration = Duration::from_millis(20);
/// Who deploys, in the history.
const BY: &str = "tessera watch";

/// What became of the code of a component.
pub(super) enum Outcome {
    /// It serves all calls, after this time.
    Deployed(Duration),
    /// It is the code that the component has.
    Same,
    /// Why the revision before stays.
    Refused(String),
}

/// Deploys code of a component.
pub(super) async fn deploy(rollouts: &Arc<Rollouts>, id: &str, code: Vec<u8>) -> Outcome {
    let begun = Instant::now();
    let digest = CodeId::of(&code);
    if rollouts.stable(id).is_some_and(|(_, parts)| parts.code == digest) {
        return Outcome::Same;
    }
    let (plan, cohort, by) = (Plan::at_once(), Cohort::default(), BY.to_owned());
    let origin = String::new();
    let deployment = Deployment { code: Code::Bytes(code), origin, plan, cohort, by };
    let revision = match rollouts.deploy(id, deployment).await {
        Ok(revision) => revision,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    loop {
        match decision(rollouts, id, &revision).await {
            Some(Event::Promoted) => return Outcome::Deployed(begun.elapsed()),
            Some(Event::Refused { detail }) => return Outcome::Refused(detail),
            Some(Event::RolledBack { .. }) => {
                return Outcome::Refused("an operator has rolled it back".to_owned());
            }
            Some(
                Event::Deployed | Event::Configured { .. } | Event::Step { .. } | Event::Started,
            ) => {}
            None => return Outcome::Refused("its history is gone".to_owned()),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The last thing that happened to a revision.
async fn decision(rollouts: &Rollouts, id: &str, revision: &RevisionId) -> Option<Event> {
    let component = rollouts.views().await.into_iter().find(|component| component.id == id)?;
    let mut entries = component.history.into_iter().rev();
    entries.find(|entry| entry.revision == *revision).map(|entry| entry.event)
}
