//! Calls the component `shipping` over HTTP, on hosts that cannot link components by contract.
//! It exports the contract in `wit/shipping`, has no state, and no permissions except the
//! allowed outbound hosts of the component that imports it.

contracts::bridge!("shipping");
