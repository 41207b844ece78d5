//! Reaches the function `events` over HTTP, for hosts that can't link a contract to another
//! component. It exports the contract of `wit/events`, holds no state and has no permission of
//! its own but the caller's outbound hosts.

contracts::bridge!("events");
