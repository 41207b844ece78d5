//! Reaches the function `passwords` over HTTP, for hosts that can't link a contract to another
//! component. It exports the contract of `wit/passwords`, holds no state and has no permission of
//! its own but the caller's outbound hosts.

contracts::bridge!("passwords");
