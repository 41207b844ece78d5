//! Names of exported functions.

use std::fmt;
use std::sync::Arc;

/// `shop:inventory/stock@1.0.0` and `reserve`. A function that is in no interface has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FunctionName {
    interface: Arc<str>,
    function: Arc<str>,
}

impl FunctionName {
    pub(crate) fn new(interface: &str, function: &str) -> Self {
        Self { interface: interface.into(), function: function.into() }
    }

    /// A function that is in no interface.
    pub(crate) fn of_world(function: &str) -> Self {
        Self::new("", function)
    }

    /// Whether it runs a program to its end.
    pub(crate) fn is_command(&self) -> bool {
        self.interface.starts_with("wasi:cli/run@") && &*self.function == "run"
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
        match &*self.interface {
            "" => f.write_str(&self.function),
            interface => write!(f, "{interface}#{}", self.function),
        }
    }
}
