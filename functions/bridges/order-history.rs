//! Calls the component `order-history` over HTTP, on hosts that cannot link components by contract.
//! It exports the contract in `wit/order-history`, has no state, and no permissions except the
//! allowed outbound hosts of the component that imports it.

contracts::bridge!("order-history");
