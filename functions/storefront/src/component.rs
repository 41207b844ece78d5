//! The WASI adapter: passes the requests of the host to the router.

use chassis::app::{Router, router_with_problems};

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    Ok(router_with_problems(crate::router()))
}
