//! Reaches the function `shipping` over HTTP, for hosts that can't link a contract to another
//! component. It exports the contract of `wit/shipping`, holds no state and has no permission of
//! its own but the caller's outbound hosts.

contracts::bridge!("shipping");
