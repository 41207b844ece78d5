//! Calls the component `notifications` over HTTP, on hosts that cannot link components by contract.
//! It exports the contract in `wit/notifications`, has no state, and no permissions except the
//! allowed outbound hosts of the component that imports it.

contracts::bridge!("notifications");
