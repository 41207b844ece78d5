//! The event broker as a function, for hosts that have no event log of their own.
