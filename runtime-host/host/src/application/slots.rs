//! The components of a running application, as rollouts change them.

use super::code;
use super::linking::Linking;
use super::middleware::ByComponent;
use crate::capabilities::{self, Guest};
use crate::engine::{ComponentContext, Occupancy, Revision, Usage};
use crate::rollouts::{Install, RevisionSet, Slot, Weighed, Which};
use anyhow::Context as _;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tessera_manifest::ComponentId;
use tessera_rollout::meter::Observed;
use wasmtime::component::{Component as Code, Linker};

/// The revisions of one component.
pub(super) type Revisions = RevisionSet<Revision<Guest>>;

/// What new revisions are made from.
pub(super) struct Workshop {
    pub(super) linking: Linking,
    pub(super) middleware: ByComponent,
    pub(super) revisions: BTreeMap<ComponentId, Arc<Revisions>>,
}

/// The instances of one component.
pub(super) struct Instances {
    pub(super) context: Arc<ComponentContext>,
    pub(super) revisions: Arc<Revisions>,
}

/// One component.
pub(super) struct ComponentSlot {
    pub(super) workshop: Arc<Workshop>,
    pub(super) id: ComponentId,
    pub(super) revisions: Arc<Revisions>,
}

impl Workshop {
    /// A new revision, with the configuration of the present one. Blocks.
    fn make(&self, id: &ComponentId, bytes: Vec<u8>) -> anyhow::Result<Revision<Guest>> {
        let Linking { app, engine, .. } = &self.linking;
        let component = app.components.get(id).context("it is not part of the manifest")?;
        let present = self.revisions.get(id).context("it does not run")?.stable();
        let middleware = self.middleware.get(id).map(Vec::as_slice).unwrap_or_default();
        let path = PathBuf::from(format!("{id}.wasm"));
        let code = code::compiled(app, component, middleware, engine, (&path, bytes), || {})?;
        let code_of = |other: &str| match other == id {
            true => Some(code.clone()),
            false => Some(self.revisions.get(other)?.stable().code().clone()),
        };
        let mut base = Linker::new(&engine.wasm);
        capabilities::add_to_linker(&mut base)?;
        let (context, grants) = (present.component.clone(), present.grants().clone());
        let revision = self.linking.revision(component, base, &code_of, context, grants)?;
        self.linking.check_callers(id, &code_of)?;
        Ok(revision)
    }

    /// Checks that code of a component fits the stable revisions of the others.
    fn check(&self, id: &ComponentId, code: &Code) -> anyhow::Result<()> {
        let code_of = |other: &str| match other == id {
            true => Some(code.clone()),
            false => Some(self.revisions.get(other)?.stable().code().clone()),
        };
        self.linking.check_callers(id, &code_of)?;
        self.linking.check_callees(id, &code_of)
    }
}

impl Occupancy for Instances {
    fn idle(&self) -> usize {
        let candidate = self.revisions.candidate();
        self.revisions.stable().idle() + candidate.map_or(0, |revision| revision.idle())
    }

    fn usage(&self) -> &Usage {
        &self.context.usage
    }
}

impl Slot for ComponentSlot {
    fn make(&self, code: Vec<u8>) -> BoxFuture<'_, anyhow::Result<Install>> {
        let (workshop, id) = (self.workshop.clone(), self.id.clone());
        let revisions = self.revisions.clone();
        Box::pin(async move {
            let made = tokio::task::spawn_blocking(move || workshop.make(&id, code)).await?;
            let made = Arc::new(made?);
            Ok(Box::new(move || revisions.offer(made)) as Install)
        })
    }

    fn check(&self, which: Which) -> anyhow::Result<()> {
        let revision = match which {
            Which::Candidate => self.revisions.candidate(),
            Which::Previous => self.revisions.previous(),
        };
        let revision = revision.context("the revision is not loaded")?;
        self.workshop.check(&self.id, revision.code())
    }

    fn weigh(&self, weighed: Weighed) {
        self.revisions.weigh(&weighed);
    }

    fn promote(&self) {
        self.revisions.promote();
    }

    fn withdraw(&self) {
        self.revisions.withdraw();
    }

    fn take_back(&self) -> bool {
        self.revisions.take_back()
    }

    fn measured(&self) -> [Observed; 2] {
        let [mut stable, mut candidate] = self.revisions.measured();
        stable.memory_bytes = self.revisions.stable().take_memory_bytes();
        if let Some(revision) = self.revisions.candidate() {
            candidate.memory_bytes = revision.take_memory_bytes();
        }
        [stable, candidate]
    }
}
