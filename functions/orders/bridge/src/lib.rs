//! Reaches the function `orders` over HTTP, for hosts that can't link a contract to another
//! component. It exports the contract of `wit/orders`, holds no state and has no permission of
//! its own but the caller's outbound hosts.

contracts::bridge!("orders");
