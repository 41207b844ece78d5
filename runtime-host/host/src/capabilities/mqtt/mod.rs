//! Messages for MQTT brokers, by the interfaces of Spin 2 and 3.
//!
//! The interfaces only publish, so the host speaks the small part of MQTT 3.1.1 that this needs: a
//! function returns when the broker has acknowledged the message, which a client library with a queue
//! of its own would hide.

mod address;
mod client;
mod interface;
mod packet;
mod session;
mod v2;
mod v3;

#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub use interface::MqttConnection;

use super::{Capability, State, bindings};
use wasmtime::component::{HasSelf, Linker};

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin/mqtt@2.0.0", "spin:mqtt"],
    governed: &[
        ("fermyon:spin/mqtt", "allowed_outbound_hosts"),
        ("spin:mqtt", "allowed_outbound_hosts"),
    ],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    bindings::fermyon::spin::mqtt::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    bindings::spin::mqtt::mqtt::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}
