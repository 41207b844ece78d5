//! The way that a call came through the application.

use std::sync::Arc;

/// The components that wait for a call, the nearest first: its caller, the caller of that one,
/// and so on to the way in. Empty for a call from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Callers(Option<Arc<Caller>>);

#[derive(Debug)]
struct Caller {
    component: Arc<str>,
    callers: Callers,
}

impl Callers {
    /// What a call has for callers that `component` makes while it serves a call with these.
    pub(crate) fn and(&self, component: &Arc<str>) -> Self {
        Self(Some(Arc::new(Caller { component: component.clone(), callers: self.clone() })))
    }

    pub(crate) fn include(&self, component: &str) -> bool {
        let mut next = &self.0;
        while let Some(caller) = next {
            if *caller.component == *component {
                return true;
            }
            next = &caller.callers.0;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_all_whom_the_call_came_through_and_nobody_else() {
        let [gateway, orders, payments] = ["gateway", "orders", "payments"].map(Arc::from);
        let outside = Callers::default();
        let from_gateway = outside.and(&gateway);
        let from_orders = from_gateway.and(&orders);
        let from_payments = from_gateway.and(&payments);
        assert!(!outside.include("gateway"));
        assert!(from_orders.include("gateway") && from_orders.include("orders"));
        assert!(!from_orders.include("payments") && !from_payments.include("orders"));
    }
}
