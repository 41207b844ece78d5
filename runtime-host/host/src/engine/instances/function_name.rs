//! Names of exported functions.

use std::fmt;
use std::sync::Arc;

/// `shop:inventory/stock@1.0.0` and `reserve`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FunctionName {
    interface: Arc<str>,
    function: Arc<str>,
}

impl FunctionName {
    pub(crate) fn new(interface: &str, function: &str) -> Self {
        Self { interface: interface.into(), function: function.into() }
    }

    /// `reserve`.
    pub(crate) fn function(&self) -> &str {
        &self.function
    }

    /// `stock.reserve`: the name in spans and metrics.
    pub(crate) fn short(&self) -> String {
        let name = self.interface.rsplit('/').next().unwrap_or(&self.interface);
        format!("{}.{}", name.split('@').next().unwrap_or(name), self.function)
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.interface, self.function)
    }
}
