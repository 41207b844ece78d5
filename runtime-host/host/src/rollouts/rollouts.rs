//! The rollouts of an application.

use super::Slot;
use super::operations::{Code, Refused};
use super::record::{CodeId, Event, Record, Records, Resumed};
use super::revision_set::Weighed;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tessera_rollout::judge::{Reason, Verdict};
use tessera_rollout::meter::Observed;
use tessera_rollout::plan::Next;
use tokio::sync::Mutex;

/// How often candidates are compared with stable revisions.
const TICK: Duration = Duration::from_secs(1);

/// The rollouts of all components.
pub(crate) struct Rollouts {
    pub(super) components: BTreeMap<String, Component>,
    pub(super) records: Records,
}

/// One component.
pub(crate) struct Component {
    pub(super) slot: Arc<dyn Slot>,
    /// The file that the manifest names.
    source: PathBuf,
    /// One operation at a time.
    pub(super) state: Mutex<State>,
    /// The stable revision, for those who do not wait for operations.
    stable: parking_lot::Mutex<CodeId>,
}

/// What is known about a component.
pub(super) struct State {
    pub(super) record: Record,
    /// Whether the candidate can serve calls.
    pub(super) is_ready: bool,
    /// Whether the previous revision can serve calls at once.
    pub(super) has_previous: bool,
    pub(super) step_began: Instant,
    /// What was measured in this step, of the stable revision and of the candidate.
    pub(super) compared: [Observed; 2],
}

impl Component {
    /// A component with this code in service. `resumed` is what was recorded of it.
    pub(crate) fn new(
        slot: Arc<dyn Slot>,
        source: PathBuf,
        manifest: CodeId,
        resumed: Option<Resumed>,
    ) -> Self {
        let state = State {
            record: Records::record(resumed, manifest),
            is_ready: false,
            has_previous: false,
            step_began: Instant::now(),
            compared: Default::default(),
        };
        let stable = parking_lot::Mutex::new(state.record.stable.clone());
        Self { slot, source, state: Mutex::new(state), stable }
    }
}

impl Rollouts {
    pub(crate) fn new(components: BTreeMap<String, Component>, records: Records) -> Arc<Self> {
        Arc::new(Self { components, records })
    }

    /// The stable revision of a component.
    pub(crate) fn stable(&self, id: &str) -> Option<CodeId> {
        self.components.get(id).map(|component| component.stable.lock().clone())
    }

    /// Continues the rollouts that were in progress when the host ended, and compares candidates
    /// with stable revisions until the task is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        for (id, component) in &self.components {
            let rollout = component.state.lock().await.record.rollout.clone();
            let Some(rollout) = rollout else { continue };
            let code = Code::Kept(rollout.candidate.as_str().to_owned());
            match self.code(code).await {
                Ok((candidate, code)) => {
                    tracing::info!(component = id, revision = %candidate, "a rollout continues");
                    self.prepare(id.clone(), candidate, code);
                }
                Err(error) => self.refuse(id, &rollout.candidate, &error.to_string()).await,
            }
        }
        loop {
            tokio::time::sleep(TICK).await;
            for (id, component) in &self.components {
                if let Err(error) = self.advance(id, component).await {
                    tracing::error!(component = id, "a rollout can't continue: {error}");
                }
            }
        }
    }

    /// Compiles and links the candidate in the background, and then begins with the first step.
    #[expect(clippy::disallowed_methods, reason = "the operator does not wait for the compilation")]
    pub(super) fn prepare(self: &Arc<Self>, id: String, candidate: CodeId, code: Vec<u8>) {
        let all = self.clone();
        tokio::spawn(async move {
            let Some(component) = all.components.get(&id) else { return };
            if let Err(error) = component.slot.offer(code).await {
                return all.refuse(&id, &candidate, &format!("{error:#}")).await;
            }
            if let Err(error) = all.begin(component, &id, &candidate).await {
                tracing::error!(component = id, "a rollout can't begin: {error}");
            }
        });
    }

    /// Begins the current step of a candidate that is ready.
    async fn begin(
        &self,
        component: &Component,
        id: &str,
        candidate: &CodeId,
    ) -> Result<(), Refused> {
        let mut state = component.state.lock().await;
        let Some(rollout) = state.record.rollout.clone().filter(|one| one.candidate == *candidate)
        else {
            // It was rolled back in the meantime.
            component.slot.withdraw();
            return Ok(());
        };
        state.is_ready = true;
        state.step_began = Instant::now();
        state.compared = Default::default();
        if rollout.plan.next(rollout.step, Duration::ZERO, &Verdict::TooFewCalls) == Next::Promote {
            return self.promote_in(component, &mut state, "").await;
        }
        let share_percent = rollout.plan.share_percent(rollout.step);
        let (cohort, salt) = (rollout.cohort, rollout.salt);
        component.slot.weigh(Weighed { share_percent, cohort, salt });
        tracing::info!(component = id, revision = %candidate, share_percent, "a step begins");
        Ok(())
    }

    /// The code of a candidate can't be used.
    async fn refuse(&self, id: &str, candidate: &CodeId, detail: &str) {
        tracing::error!(component = id, revision = %candidate, "a revision is refused: {detail}");
        let Some(component) = self.components.get(id) else { return };
        let mut state = component.state.lock().await;
        let mut record = state.record.clone();
        if record.rollout.take_if(|rollout| rollout.candidate == *candidate).is_none() {
            return;
        }
        let event = Event::Refused { detail: detail.to_owned() };
        record.note(now_ms(), candidate.clone(), "", event);
        if let Err(error) = self.write(id, &mut state, record).await {
            tracing::error!(component = id, "that could not be recorded: {error}");
        }
    }

    /// The candidate gets all calls.
    pub(super) async fn promote_in(
        &self,
        component: &Component,
        state: &mut State,
        by: &str,
    ) -> Result<(), Refused> {
        let mut record = state.record.clone();
        let Some(rollout) = record.rollout.take() else { return Err(Refused::NoRollout) };
        let candidate = rollout.candidate;
        record.previous = Some(std::mem::replace(&mut record.stable, candidate.clone()));
        record.note(now_ms(), candidate.clone(), by, Event::Promoted);
        let id = self.id_of(component);
        self.write(&id, state, record).await?;
        component.slot.promote();
        state.is_ready = false;
        state.has_previous = true;
        tracing::info!(component = id, revision = %candidate, by, "a revision is promoted");
        Ok(())
    }

    /// The stable revision gets all calls.
    pub(super) async fn roll_back_in(
        &self,
        component: &Component,
        state: &mut State,
        by: &str,
        reason: Option<Reason>,
    ) -> Result<(), Refused> {
        // At once, also if it can't be recorded: after a restart, the candidate is compared again.
        component.slot.weigh(Weighed::default());
        let mut record = state.record.clone();
        let Some(rollout) = record.rollout.take() else { return Err(Refused::NoRollout) };
        let candidate = rollout.candidate;
        let why = reason.as_ref().map(Reason::to_string).unwrap_or_default();
        record.note(now_ms(), candidate.clone(), by, Event::RolledBack { reason });
        let id = self.id_of(component);
        self.write(&id, state, record).await?;
        component.slot.withdraw();
        state.is_ready = false;
        tracing::warn!(component = id, revision = %candidate, by, why, "a revision is rolled back");
        Ok(())
    }

    fn id_of(&self, component: &Component) -> String {
        let mut all = self.components.iter();
        let found = all.find(|(_, one)| std::ptr::eq(*one, component));
        found.map(|(id, _)| id.clone()).unwrap_or_default()
    }

    /// Makes a record durable. Only then it counts.
    pub(super) async fn write(
        &self,
        id: &str,
        state: &mut State,
        record: Record,
    ) -> Result<(), Refused> {
        let (records, shown, id) = (self.records.clone(), id.to_owned(), id.to_owned());
        let record = blocking(move || records.write(&id, &record).map(|()| record)).await?;
        if let Some(component) = self.components.get(&shown) {
            *component.stable.lock() = record.stable.clone();
        }
        state.record = record;
        Ok(())
    }

    /// The code of a new revision, durable.
    pub(super) async fn code(&self, code: Code) -> Result<(CodeId, Vec<u8>), Refused> {
        let records = self.records.clone();
        blocking(move || match code {
            Code::Bytes(code) => Ok((records.keep(&code)?, code)),
            Code::Kept(digits) => {
                let id = records.find(&digits)?;
                let code = records.code(&id)?;
                let code =
                    code.ok_or_else(|| anyhow::anyhow!("revision {id} is no longer kept"))?;
                Ok((id, code))
            }
        })
        .await
    }

    /// Keeps the code of the manifest before it is replaced, so that it can be taken back later.
    pub(super) async fn keep_code_of_manifest(&self, component: &Component, record: &Record) {
        if record.stable != record.manifest {
            return;
        }
        let (records, source) = (self.records.clone(), component.source.clone());
        let wanted = record.manifest.clone();
        let kept = blocking(move || {
            if records.code_path(&wanted).exists() {
                return Ok(());
            }
            let code = fs::read(&source)?;
            anyhow::ensure!(CodeId::of(&code) == wanted, "it has changed since the start");
            records.keep(&code).map(drop)
        });
        if let Err(error) = kept.await {
            let source = component.source.display();
            tracing::warn!("{source} can't be kept, so it can't be deployed again later: {error}");
        }
    }

    /// Removes the code of revisions that are long gone.
    pub(super) async fn remove_unneeded_code(&self) {
        let mut needed = Vec::new();
        for component in self.components.values() {
            needed.push(component.state.lock().await.record.clone());
        }
        let records = self.records.clone();
        if let Err(error) = blocking(move || records.remove_unneeded(&needed)).await {
            tracing::warn!("code of earlier revisions can't be removed: {error}");
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await.map_err(anyhow::Error::from)?;
    done.map_err(Refused::Storage)
}

#[expect(clippy::disallowed_methods, reason = "the history has dates")]
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
