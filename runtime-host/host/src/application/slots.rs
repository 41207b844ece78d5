//! The components of a running application, as rollouts change them.

use super::configuration::Configuration;
use super::linking::Linking;
use super::middleware::ByComponent;
use super::policies::Policies;
use super::site::Site;
use super::{code, cycles};
use crate::calls::{Copies, Cycle, Example};
use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::{self, Guest};
use crate::engine::{
    ComponentContext, Occupancy, Revision, Usage, binary, imports_and_exports, into_component,
};
use crate::rollouts::{
    Ingredients, Install, Interfaces, NewCode, RevisionSet, Slot, Versioned, Weighed, Which,
};
use anyhow::{Context as _, ensure};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use tessera_manifest::ComponentId;
use tessera_rollout::meter::Observed;
use tessera_rollout::shadow::{self, Shadow};
use wasmtime::component::Linker;

/// The revisions of one component.
pub(super) type Revisions = RevisionSet<Revision<Guest>, Configured>;

/// One of them.
pub(super) type Present = Versioned<Revision<Guest>, Configured>;

/// What a revision was configured with, and the state of its policies.
pub(super) struct Configured {
    pub(super) configuration: Configuration,
    pub(super) policies: Policies,
}

/// What new revisions are made from.
pub(super) struct Workshop {
    pub(super) site: Arc<Site>,
    pub(super) linking: Linking,
    pub(super) middleware: ByComponent,
    pub(super) revisions: BTreeMap<ComponentId, Arc<Revisions>>,
    /// The cycles of components that could call each other at the start.
    pub(super) cycles: BTreeMap<ComponentId, Cycle>,
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
    /// A new revision. Blocks.
    fn make(&self, id: &ComponentId, ingredients: Ingredients) -> anyhow::Result<Present> {
        let Linking { app, engine, .. } = &self.linking;
        let component = app.components.get(id).context("it is not part of the manifest")?;
        let present = self.revisions.get(id).context("it does not run")?.stable();
        let code = match ingredients.code {
            NewCode::InService => present.revision.code().clone(),
            NewCode::Bytes(bytes) => {
                let middleware = self.middleware.get(id).map(Vec::as_slice).unwrap_or_default();
                let path = PathBuf::from(format!("{id}.wasm"));
                code::compiled(app, component, middleware, engine, (&path, bytes), || {})?
            }
        };
        let code_of = |other: &str| match other == id {
            true => Some(code.clone()),
            false => Some(self.revisions.get(other)?.stable().revision.code().clone()),
        };
        let configuration = Configuration::read(&ingredients.settings)?;
        let (context, grants, configured, terms) =
            if configuration == present.configured.configuration {
                let (context, grants) = (&present.revision.component, present.revision.grants());
                (context.clone(), grants.clone(), present.configured, present.terms)
            } else {
                let made = self.site.reconfigured(component, &present, configuration)?;
                let (context, grants, configured, terms) = made;
                (Arc::new(context), Arc::new(grants), Arc::new(configured), terms)
            };
        let mut base = Linker::new(&engine.wasm);
        capabilities::add_to_linker(&mut base)?;
        let configuration = &configured.configuration;
        let revision =
            self.linking.revision(component, configuration, base, &code_of, context, grants)?;
        self.linking.check_callers(id, &code_of)?;
        let revision = Versioned { revision: Arc::new(revision), terms, configured };
        self.check_cycles(&BTreeMap::from([(id, revision.revision.grants().outbound.clone())]))?;
        Ok(revision)
    }

    /// Checks that a revision of a component fits the stable revisions of the others.
    fn check(&self, id: &ComponentId, revision: &Present) -> anyhow::Result<()> {
        let code_of = |other: &str| match other == id {
            true => Some(revision.revision.code().clone()),
            false => Some(self.revisions.get(other)?.stable().revision.code().clone()),
        };
        self.linking.check_callers(id, &code_of)?;
        self.linking.check_callees(id, &code_of)?;
        self.check_cycles(&BTreeMap::from([(id, revision.revision.grants().outbound.clone())]))
    }

    /// Checks that components which may reach other hosts than before do not call each other in a
    /// cycle that was not known at the start: its calls would need permits of their own.
    pub(super) fn check_cycles(
        &self,
        changed: &BTreeMap<&ComponentId, Arc<Outbound>>,
    ) -> anyhow::Result<()> {
        let ids: BTreeSet<_> = self.revisions.keys().cloned().collect();
        let outbound = |id: &ComponentId| match changed.get(id) {
            Some(outbound) => outbound.clone(),
            None => self.revisions[id].stable().revision.grants().outbound.clone(),
        };
        let calls = cycles::possible_calls(&self.site.app, &ids, &outbound);
        let new = cycles::new(&self.cycles, &cycles::find(&calls));
        ensure!(
            new.is_empty(),
            "with these `allowed_outbound_hosts`, components could call each other in a cycle: {}. \
             That needs a restart",
            new.join("; ")
        );
        Ok(())
    }
}

impl Occupancy for Instances {
    fn idle(&self) -> usize {
        let candidate = self.revisions.candidate();
        let stable = self.revisions.stable();
        stable.revision.idle() + candidate.map_or(0, |one| one.revision.idle())
    }

    fn usage(&self) -> &Usage {
        &self.context.usage
    }
}

impl ComponentSlot {
    /// Shows the edges of the revision in service, and not those of the one that can be taken back.
    fn show_edges(&self) {
        if let Some(previous) = self.revisions.previous() {
            previous.configured.policies.set_in_use(false);
        }
        self.revisions.stable().configured.policies.set_in_use(true);
    }
}

impl ComponentSlot {
    /// The copies of calls for the candidate.
    fn shadowed(&self, shadow: Shadow) -> Option<Arc<Copies>> {
        let context = self.revisions.candidate()?.revision.component.clone();
        let component = self.workshop.site.app.components.get(&self.id)?;
        let idempotent = component.settings.idempotent.iter().cloned().collect();
        let limited = (context.id.clone(), context.limits.clone(), context.cycle);
        Some(Copies::new(shadow, idempotent, limited, self.workshop.site.telemetry.clone()))
    }
}

impl Slot for ComponentSlot {
    fn make(&self, ingredients: Ingredients) -> BoxFuture<'_, anyhow::Result<Install>> {
        let (workshop, id) = (self.workshop.clone(), self.id.clone());
        let revisions = self.revisions.clone();
        Box::pin(async move {
            let made = tokio::task::spawn_blocking(move || workshop.make(&id, ingredients)).await?;
            let made = made?;
            Ok(Box::new(move || revisions.offer(made)) as Install)
        })
    }

    fn check(&self, which: Which) -> anyhow::Result<()> {
        let revision = match which {
            Which::Candidate => self.revisions.candidate(),
            Which::Previous => self.revisions.previous(),
        };
        self.workshop.check(&self.id, &revision.context("the revision is not loaded")?)
    }

    fn interfaces(&self, code: &[u8]) -> anyhow::Result<Interfaces> {
        let path = PathBuf::from(format!("{}.wasm", self.id));
        let code = into_component(binary(&path, code.to_vec())?)?;
        let (imports, exports) = imports_and_exports(&code).map_err(anyhow::Error::msg)?;
        let (imports, exports) = (imports.into_iter().collect(), exports.into_iter().collect());
        Ok(Interfaces { imports, exports })
    }

    fn weigh(&self, weighed: Weighed) {
        let copies = weighed.shadow.clone().and_then(|shadow| self.shadowed(shadow));
        self.revisions.weigh(&weighed, copies.as_ref());
    }

    fn copies(&self) -> Option<(shadow::Copies, Vec<Example>)> {
        self.revisions.copies().map(|copies| copies.seen())
    }

    fn promote(&self) {
        self.revisions.promote();
        self.show_edges();
    }

    fn withdraw(&self) {
        self.revisions.withdraw();
    }

    fn take_back(&self) -> bool {
        let taken = self.revisions.take_back();
        self.show_edges();
        taken
    }

    fn measured(&self) -> [Observed; 2] {
        let [mut stable, mut candidate] = self.revisions.measured();
        stable.memory_bytes = self.revisions.stable().revision.take_memory_bytes();
        if let Some(one) = self.revisions.candidate() {
            candidate.memory_bytes = one.revision.take_memory_bytes();
        }
        [stable, candidate]
    }
}
