//! The wall clock of a component whose time an operator can change.

use crate::chaos::SteppedClock;
use std::time::Duration;
use wasmtime_wasi::{HostWallClock, clocks};

/// The clock of the system, and what is shown of it.
pub(in crate::capabilities) struct WallClock {
    system: Box<dyn HostWallClock + Send>,
    stepped: SteppedClock,
}

impl WallClock {
    pub(in crate::capabilities) fn new(stepped: SteppedClock) -> Self {
        Self { system: clocks::wall_clock(), stepped }
    }
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        self.system.resolution()
    }

    fn now(&self) -> Duration {
        self.stepped.shown(self.system.now())
    }
}
