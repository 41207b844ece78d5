//! The chain of components through which a call came.

use std::sync::Arc;
use tessera_resilience::Priority;

/// The components that wait for a call, the nearest first: its caller, the caller of that one, and
/// so on. Empty for a call from outside. It is as urgent as the call with which it began.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallChain {
    nearest: Option<Arc<Caller>>,
    priority: Priority,
}

/// A set of components that can all call each other, directly or through one another. A component
/// that can neither call itself nor be called back is in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cycle(pub(crate) u32);

#[derive(Debug)]
struct Caller {
    component: Arc<str>,
    cycle: Option<Cycle>,
    /// The length of the chain up to this caller.
    depth: usize,
    chain: CallChain,
}

impl CallChain {
    /// That of a call from outside.
    pub(crate) fn of(priority: Priority) -> Self {
        Self { nearest: None, priority }
    }

    /// The same with another priority.
    pub(crate) fn with(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// How urgent its calls are.
    pub(crate) fn priority(&self) -> Priority {
        self.priority
    }

    /// The chain of a call that `component` makes while it serves a call with this chain.
    pub(crate) fn and(&self, component: &Arc<str>, cycle: Option<Cycle>) -> Self {
        let caller = Caller {
            component: component.clone(),
            cycle,
            depth: self.depth() + 1,
            chain: self.clone(),
        };
        Self { nearest: Some(Arc::new(caller)), priority: self.priority }
    }

    /// The component that makes the call; `None` if none does.
    pub(crate) fn caller(&self) -> Option<&Arc<str>> {
        self.nearest.as_ref().map(|caller| &caller.component)
    }

    /// The number of callers.
    pub(crate) fn depth(&self) -> usize {
        self.nearest.as_ref().map_or(0, |caller| caller.depth)
    }

    /// The number of callers in a cycle.
    pub(crate) fn of_cycle(&self, cycle: Cycle) -> usize {
        self.iter().filter(|caller| caller.cycle == Some(cycle)).count()
    }

    /// Their names from the first to the last caller, for messages.
    pub(crate) fn path(&self) -> String {
        let mut names: Vec<&str> = self.iter().map(|caller| &*caller.component).collect();
        names.reverse();
        names.join(" → ")
    }

    fn iter(&self) -> impl Iterator<Item = &Caller> {
        std::iter::successors(self.nearest.as_deref(), |caller| caller.chain.nearest.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_counted_from_the_first_component() {
        let [gateway, orders, payments] = ["gateway", "orders", "payments"].map(Arc::from);
        let cycle = Some(Cycle(7));
        let outside = CallChain::default();
        let from_gateway = outside.and(&gateway, None);
        let back = from_gateway.and(&orders, cycle).and(&payments, cycle).and(&orders, cycle);
        assert_eq!((outside.depth(), from_gateway.depth(), back.depth()), (0, 1, 4));
        assert_eq!(from_gateway.of_cycle(Cycle(7)), 0);
        assert_eq!((back.of_cycle(Cycle(7)), back.of_cycle(Cycle(8))), (3, 0));
        assert_eq!(back.path(), "gateway → orders → payments → orders");
    }

    #[test]
    fn a_callee_is_as_urgent_as_its_caller() {
        let chain = CallChain::of(Priority::Background).and(&"a".into(), None);
        assert_eq!(chain.and(&"b".into(), None).priority(), Priority::Background);
        assert_eq!(CallChain::default().and(&"a".into(), None).priority(), Priority::Interactive);
    }
}
