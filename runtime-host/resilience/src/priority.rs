//! Which calls give way when there are too many.

/// How urgent a call is. A call that is made on behalf of another one is as urgent as that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// No client waits for it, and it is made again if it is refused: a delivery of an event, a
    /// schedule.
    Background,
    /// A client may wait for it, or it is not made again if it is refused.
    #[default]
    Interactive,
    /// A health check: if it waits, what is only busy looks dead.
    Health,
}
