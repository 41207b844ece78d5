//! The rollouts of an application.

use super::operations::{Code, Refused};
use super::record::{CodeId, Event, Record, Records, Resumed};
use super::revision_set::Weighed;
use super::{Install, Slot, Which};
use crate::fault_points;
use std::collections::BTreeMap;
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
    /// One change at a time: contracts are compared with what other components have in service.
    pub(super) turn: Mutex<()>,
}

/// One component.
pub(crate) struct Component {
    pub(super) slot: Arc<dyn Slot>,
    /// The bytes that were in service at the start, until they are kept in a file.
    present: parking_lot::Mutex<Option<Vec<u8>>>,
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
    /// The rollout that was in progress when the host ended; 0 if there was none.
    pub(super) resumed: u64,
    /// Who ended the rollout and why, if that could not be recorded yet.
    pub(super) ends: Option<(String, Option<Reason>)>,
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
        present: Vec<u8>,
        manifest: CodeId,
        resumed: Option<Resumed>,
    ) -> Self {
        let record = Records::record(resumed, manifest);
        let state = State {
            resumed: record.rollout.as_ref().map_or(0, |rollout| rollout.salt),
            ends: None,
            record,
            is_ready: false,
            has_previous: false,
            step_began: Instant::now(),
            compared: Default::default(),
        };
        let stable = parking_lot::Mutex::new(state.record.stable.clone());
        let present = parking_lot::Mutex::new(Some(present));
        Self { slot, present, state: Mutex::new(state), stable }
    }
}

impl Rollouts {
    pub(crate) fn new(components: BTreeMap<String, Component>, records: Records) -> Arc<Self> {
        Arc::new(Self { components, records, turn: Mutex::default() })
    }

    /// The stable revision of a component.
    pub(crate) fn stable(&self, id: &str) -> Option<CodeId> {
        self.components.get(id).map(|component| component.stable.lock().clone())
    }

    /// Continues the rollouts that were in progress when the host ended, and compares candidates
    /// with stable revisions until the task is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        for (id, component) in &self.components {
            self.resume(id, component).await;
        }
        loop {
            tokio::time::sleep(TICK).await;
            for (id, component) in &self.components {
                let _turn = self.turn.lock().await;
                if let Err(error) = self.advance(id, component).await {
                    tracing::error!(component = id, "a rollout can't continue: {error}");
                }
            }
        }
    }

    async fn resume(self: &Arc<Self>, id: &str, component: &Component) {
        let _turn = self.turn.lock().await;
        let state = component.state.lock().await;
        // One that was deployed after the start is being prepared already.
        let resumed = state.record.rollout.clone().filter(|rollout| rollout.salt == state.resumed);
        let Some(rollout) = resumed else { return };
        let code = Code::Kept(rollout.candidate.as_str().to_owned());
        match self.code(&state.record, code).await {
            Ok((candidate, code)) => {
                tracing::info!(component = id, revision = %candidate, "a rollout continues");
                self.prepare(id.to_owned(), rollout.salt, code);
            }
            Err(error) => {
                drop(state);
                self.refuse(component, id, rollout.salt, &error.to_string()).await;
            }
        }
    }

    /// Compiles and links the candidate in the background, and then begins with its step. `salt` names
    /// the rollout: the same code may be deployed again in the meantime.
    #[expect(clippy::disallowed_methods, reason = "the operator does not wait for the compilation")]
    pub(super) fn prepare(self: &Arc<Self>, id: String, salt: u64, code: Vec<u8>) {
        let all = self.clone();
        tokio::spawn(async move {
            let Some(component) = all.components.get(&id) else { return };
            let made = component.slot.make(code).await;
            let _turn = all.turn.lock().await;
            match made {
                Err(error) => all.refuse(component, &id, salt, &format!("{error:#}")).await,
                Ok(install) => {
                    if let Err(error) = all.begin(component, &id, salt, install).await {
                        tracing::error!(component = id, "a rollout can't begin: {error}");
                    }
                }
            }
        });
    }

    /// Begins the current step of a rollout whose candidate is ready, unless it has ended.
    async fn begin(
        &self,
        component: &Component,
        id: &str,
        salt: u64,
        install: Install,
    ) -> Result<(), Refused> {
        let mut state = component.state.lock().await;
        let Some(rollout) = state.record.rollout.clone().filter(|one| one.salt == salt) else {
            return Ok(());
        };
        install();
        // What was measured before is not of this time.
        drop(component.slot.measured());
        state.is_ready = true;
        state.step_began = Instant::now();
        state.compared = Default::default();
        if rollout.plan.next(rollout.step, Duration::ZERO, &Verdict::TooFewCalls) == Next::Promote {
            return self.promote_in(component, id, &mut state, "").await;
        }
        let share_percent = rollout.plan.share_percent(rollout.step);
        let (revision, cohort) = (rollout.candidate, rollout.cohort);
        component.slot.weigh(Weighed { share_percent, cohort, salt });
        tracing::info!(component = id, %revision, share_percent, "a step begins");
        Ok(())
    }

    /// The code of a candidate can't be used.
    async fn refuse(&self, component: &Component, id: &str, salt: u64, detail: &str) {
        let mut state = component.state.lock().await;
        if state.record.rollout.as_ref().is_some_and(|rollout| rollout.salt == salt) {
            self.refuse_in(component, id, &mut state, detail).await;
        }
    }

    async fn refuse_in(&self, component: &Component, id: &str, state: &mut State, detail: &str) {
        let mut record = state.record.clone();
        let Some(rollout) = record.rollout.take() else { return };
        let candidate = rollout.candidate;
        tracing::error!(component = id, revision = %candidate, "a revision is refused: {detail}");
        let event = Event::Refused { detail: detail.to_owned() };
        record.note(now_ms(), candidate, "", event);
        match self.write(id, state, record).await {
            Ok(()) => {
                component.slot.withdraw();
                state.is_ready = false;
            }
            Err(error) => tracing::error!(component = id, "that is not recorded: {error}"),
        }
    }

    /// The candidate gets all calls.
    pub(super) async fn promote_in(
        &self,
        component: &Component,
        id: &str,
        state: &mut State,
        by: &str,
    ) -> Result<(), Refused> {
        // Other components may have changed since it was linked.
        if let Err(error) = component.slot.check(Which::Candidate) {
            let detail = format!("{error:#}");
            self.refuse_in(component, id, state, &detail).await;
            return Err(Refused::Invalid(detail));
        }
        let mut record = state.record.clone();
        let Some(rollout) = record.rollout.take() else { return Err(Refused::NoRollout) };
        let candidate = rollout.candidate;
        record.previous = Some(std::mem::replace(&mut record.stable, candidate.clone()));
        record.note(now_ms(), candidate.clone(), by, Event::Promoted);
        self.write(id, state, record).await?;
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
        id: &str,
        state: &mut State,
        by: &str,
        reason: Option<Reason>,
    ) -> Result<(), Refused> {
        // At once, also if it can't be recorded yet.
        component.slot.weigh(Weighed::default());
        state.ends = Some((by.to_owned(), reason.clone()));
        let mut record = state.record.clone();
        let Some(rollout) = record.rollout.take() else { return Err(Refused::NoRollout) };
        let candidate = rollout.candidate;
        let why = reason.as_ref().map(Reason::to_string).unwrap_or_default();
        record.note(now_ms(), candidate.clone(), by, Event::RolledBack { reason });
        self.write(id, state, record).await?;
        component.slot.withdraw();
        state.is_ready = false;
        state.ends = None;
        tracing::warn!(component = id, revision = %candidate, by, why, "a revision is rolled back");
        Ok(())
    }

    /// Makes a record durable. Only then it counts.
    pub(super) async fn write(
        &self,
        id: &str,
        state: &mut State,
        record: Record,
    ) -> Result<(), Refused> {
        fault_points::around(|| format!("rollout/{id}"), self.write_now(id, state, record)).await
    }

    async fn write_now(&self, id: &str, state: &mut State, record: Record) -> Result<(), Refused> {
        let (records, shown, id) = (self.records.clone(), id.to_owned(), id.to_owned());
        let record = blocking(move || records.write(&id, &record).map(|()| record)).await?;
        if let Some(component) = self.components.get(&shown) {
            *component.stable.lock() = record.stable.clone();
        }
        state.record = record;
        Ok(())
    }

    /// The code of a new revision of a component, durable.
    pub(super) async fn code(
        &self,
        record: &Record,
        code: Code,
    ) -> Result<(CodeId, Vec<u8>), Refused> {
        let (records, record) = (self.records.clone(), record.clone());
        match code {
            Code::Bytes(code) => blocking(move || Ok((records.keep(&code)?, code))).await,
            Code::Kept(digits) => {
                let found = blocking(move || {
                    let Ok(id) = records.find(&record, &digits) else { return Ok(Err(digits)) };
                    Ok(records.code(&id)?.map(|code| (id, code)).ok_or(digits))
                });
                found.await?.map_err(|digits| {
                    let text = format!("no revision that begins with `{digits}` is kept");
                    Refused::Invalid(format!("{text}: deploy its file again"))
                })
            }
        }
    }

    /// Keeps the code that was in service at the start, before other code is.
    pub(super) async fn keep_present_code(
        &self,
        component: &Component,
        record: &Record,
    ) -> Result<(), Refused> {
        let present = component.present.lock().take();
        let Some(present) = present.filter(|code| CodeId::of(code) == record.stable) else {
            return Ok(());
        };
        let records = self.records.clone();
        blocking(move || records.keep(&present).map(drop)).await
    }

    /// Removes the code of revisions that are long gone.
    pub(super) async fn remove_unneeded_code(&self) {
        let records = self.records.clone();
        if let Err(error) = blocking(move || records.remove_unneeded()).await {
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
