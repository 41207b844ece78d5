//! Watches an application while it runs, and keeps it up to date.

use super::building::Building;
use super::deploying::{Outcome, deploy};
use super::itself::Itself;
use super::notices::Notices;
use super::plan::{Changes, Plan};
use super::snapshot::Snapshot;
use crate::commands::{Application, plain};
use crate::rollouts::Rollouts;
use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tessera_manifest::{App, ComponentId, Source};
use tokio::sync::watch;

/// Builds in a row, without a quiet moment, after which the build itself must be what changes files.
const BUILDS_MAX: u32 = 10;
/// Clears a terminal, with what has scrolled out of it.
const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";

/// What is watched, from before the application is built and started.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) application: Application,
    pub(super) app: App,
    pub(super) plan: Arc<Plan>,
    pub(super) snapshot: Snapshot,
    pub(super) debounce: Duration,
    /// Whether the terminal is cleared before each build.
    pub(super) clears: bool,
    pub(super) fate: Arc<Fate>,
    pub(super) itself: Itself,
}

/// What became of the application.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// Whether it was up.
    pub(super) was_up: AtomicBool,
    /// Whether it is to be started again.
    restarts: AtomicBool,
    /// Whether the process is asked to stop. That may also happen while it stops for a restart.
    asked: OnceLock<watch::Receiver<bool>>,
}

impl Fate {
    /// Whether the application is not to be started again.
    pub(super) fn is_over(&self) -> bool {
        let is_asked = self.asked.get().is_some_and(|asked| *asked.borrow());
        is_asked || !self.restarts.load(Ordering::SeqCst)
    }
}

/// A session in progress.
struct Watching {
    session: Session,
    notices: Notices,
    rollouts: Arc<Rollouts>,
    building: Option<Building>,
    /// Builds since it was quiet.
    builds: u32,
}

/// The components of a build, and how long it took.
type Built = Option<(BTreeSet<ComponentId>, Duration)>;

impl Session {
    /// The application is built, and starts with what is there now. What the build itself has written
    /// is no change, but it may have missed an edit that was made meanwhile.
    pub(crate) async fn note_built(&mut self) {
        let mut snapshot = take(self.plan.clone()).await;
        snapshot.keep(&self.snapshot, |path| self.plan.is_only_input(path));
        self.snapshot = snapshot;
    }

    /// Watches until the application is to stop, or has to be restarted.
    pub(crate) async fn run(self, rollouts: Arc<Rollouts>, mut stop: watch::Receiver<bool>) {
        let fate = self.fate.clone();
        fate.was_up.store(true, Ordering::SeqCst);
        // An application is up once.
        let _ = fate.asked.set(stop.clone());
        let notices = match Notices::new(self.debounce) {
            Ok(notices) => notices,
            Err(error) => {
                tracing::error!("{error:#}");
                // The application runs, and ends as usual.
                let _ = stop.wait_for(|stop| *stop).await;
                return;
            }
        };
        for advice in &self.plan.advice {
            tracing::warn!("{advice}");
        }
        if self.snapshot.is_cut {
            tracing::warn!("there are too many files: name fewer in `watch` and `files`");
        }
        let mut watching = Watching { session: self, notices, rollouts, building: None, builds: 0 };
        tokio::select! {
            why = watching.until_restart() => {
                tracing::info!("{why}: the application restarts");
                fate.restarts.store(true, Ordering::SeqCst);
            }
            // A closed channel means that everything is ending anyway.
            _ = stop.wait_for(|stop| *stop) => {}
        }
        if let Some(building) = watching.building.take() {
            building.cancel().await;
        }
    }
}

impl Watching {
    /// Builds and deploys what has changed, until that takes a restart. Returns why.
    async fn until_restart(&mut self) -> String {
        let mut due = self.changes().await;
        loop {
            while due.is_empty() {
                self.builds = 0;
                self.notices.next().await;
                due = self.changes().await;
            }
            if mem::take(&mut due.manifest) && self.has_new_manifest() {
                return format!("{} has changed", super::shown(self.session.app.origin.path()));
            }
            if let Some(id) = due.assets.first() {
                return format!("files of `{id}` have changed");
            }
            let built = self.build(&mut due).await;
            if !due.built.is_empty() || due.manifest {
                continue;
            }
            if let Some(why) = self.deploy(mem::take(&mut due.code), built).await {
                return why;
            }
        }
    }

    /// What has changed since this was last asked.
    async fn changes(&mut self) -> Changes {
        let mut snapshot = take(self.session.plan.clone()).await;
        // Files of new folders may have changed before the folders were watched.
        if self.notices.watch(&snapshot.folders) {
            snapshot = take(self.session.plan.clone()).await;
        }
        let files = snapshot.changed_since(&self.session.snapshot);
        self.session.snapshot = snapshot;
        self.session.plan.changes(&files)
    }

    /// Whether the manifest is another one, and valid. Reports what is wrong with it.
    fn has_new_manifest(&self) -> bool {
        match self.session.application.load() {
            Ok(app) => app.origin.text() != self.session.app.origin.text(),
            Err(error) => {
                let text = plain(&error);
                tracing::error!("{text}\nThe application goes on with the manifest before.");
                false
            }
        }
    }

    /// Builds what is due, until that is done or outdated. Adds what has changed meanwhile.
    async fn build(&mut self, due: &mut Changes) -> Built {
        if due.built.is_empty() {
            return None;
        }
        self.builds += 1;
        if self.builds > BUILDS_MAX {
            tracing::error!(
                "files in `watch` change with each build, so there is no end: name only what is written \
                 by hand. The next change is built again"
            );
            due.built.clear();
            return None;
        }
        self.clear();
        let (begun, ids) = (Instant::now(), due.built.clone());
        tracing::info!("building {}", listed(&ids));
        let (manifest, profile) =
            (self.session.app.origin.path(), self.session.app.origin.profile());
        match Building::begin(&self.session.itself, manifest, profile, &ids) {
            Ok(building) => self.building = Some(building),
            Err(error) => {
                tracing::error!("{error:#}");
                due.built.clear();
                return None;
            }
        }
        let mut output = Vec::new();
        let ended = loop {
            let Some(building) = &mut self.building else { return None };
            tokio::select! {
                ended = building.end(&mut output) => break ended,
                () = self.notices.next() => {}
            }
            let more = self.changes().await;
            let is_outdated = more.manifest || !more.built.is_empty();
            due.extend(more);
            if is_outdated && let Some(building) = self.building.take() {
                tracing::info!("files have changed again: the build is canceled");
                building.cancel().await;
                return None;
            }
        };
        self.building = None;
        due.built.clear();
        due.extend(self.changes().await);
        match ended {
            Ok(()) => Some((ids, begun.elapsed())),
            Err(error) => {
                tracing::error!("{error}\n{} stays as it is.", listed(&ids));
                None
            }
        }
    }

    /// Deploys the code of components. Returns why that takes a restart.
    async fn deploy(&mut self, ids: BTreeSet<ComponentId>, built: Built) -> Option<String> {
        let entangled = ids.iter().find(|id| self.session.plan.is_entangled(id));
        if let Some(id) = entangled {
            return Some(format!("`{id}` is part of other components, and has changed"));
        }
        // A build may also leave the code as it is.
        let built_ids = built.iter().flat_map(|(ids, _)| ids.clone());
        let ids: BTreeSet<_> = ids.into_iter().chain(built_ids).collect();
        let ids = ids.into_iter().filter(|id| self.rollouts.stable(id).is_some());
        let (mut refused, mut is_progress) = (ids.collect::<Vec<_>>(), true);
        // If both sides of a contract have changed, one may be accepted after the other.
        while is_progress && !refused.is_empty() {
            let due = mem::take(&mut refused);
            let count = due.len();
            let mut reasons = Vec::new();
            for id in due {
                if let Err(reason) = self.deploy_one(&id, &built).await {
                    reasons.push(reason);
                    refused.push(id);
                }
            }
            is_progress = refused.len() < count;
            if !is_progress {
                for (id, reason) in refused.iter().zip(reasons) {
                    tracing::error!("{id} is refused and stays as it is: {reason}");
                }
                if count > 1 {
                    tracing::info!("if a contract has changed on both sides, watch again: Ctrl-C");
                }
            }
        }
        None
    }

    async fn deploy_one(&self, id: &str, built: &Built) -> Result<(), String> {
        let component = self.session.app.components.get(id);
        let Some(Source::Local(path)) = component.map(|one| &one.source) else { return Ok(()) };
        let code = match tokio::fs::read(path).await {
            Ok(code) => code,
            // It is being replaced, or its build has failed.
            Err(error) => return Err(format!("{} can't be read: {error}", super::shown(path))),
        };
        let built = built.as_ref().filter(|(ids, _)| ids.contains(id));
        let took =
            built.map_or(String::new(), |(_, took)| format!("built in {}, ", seconds(*took)));
        match deploy(&self.rollouts, id, code).await {
            Outcome::Deployed(deployed) => {
                tracing::info!("{id}: {took}deployed in {}", seconds(deployed));
                Ok(())
            }
            Outcome::Same => {
                if built.is_some() {
                    tracing::info!("{id}: {took}the code is the same");
                }
                Ok(())
            }
            Outcome::Refused(reason) => Err(reason),
        }
    }

    fn clear(&self) {
        if self.session.clears && std::io::stderr().is_terminal() {
            eprint!("{CLEAR}");
        }
    }
}

/// The watched files, now.
pub(super) async fn take(plan: Arc<Plan>) -> Snapshot {
    let taken = tokio::task::spawn_blocking(move || Snapshot::take(plan.globs())).await;
    // It is only canceled when everything ends.
    taken.unwrap_or_default()
}

fn listed(ids: &BTreeSet<ComponentId>) -> String {
    ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_does_not_take_place_if_a_stop_was_asked_for_meanwhile() {
        let fate = Fate::default();
        assert!(fate.is_over());
        fate.restarts.store(true, Ordering::SeqCst);
        assert!(!fate.is_over());
        let (sender, receiver) = watch::channel(false);
        assert!(fate.asked.set(receiver).is_ok());
        assert!(!fate.is_over());
        assert!(sender.send(true).is_ok());
        // The runtime has ended.
        drop(sender);
        assert!(fate.is_over());
    }
}
