//! Calls the component `limits` over HTTP, on hosts that cannot link components by contract.
//! It exports the contract in `wit/limits`, has no state, and no permissions except the
//! allowed outbound hosts of the component that imports it.

contracts::bridge!("limits");
