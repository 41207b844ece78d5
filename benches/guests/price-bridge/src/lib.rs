//! Reaches the function `price` over HTTP, for hosts that can't link a contract to another
//! component.

contracts::bridge!("price");
