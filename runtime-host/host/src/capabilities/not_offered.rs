//! Interfaces of Spin that the host does not offer, but that a key of the manifest governs.

use super::Capability;

pub(super) const CAPABILITY: Capability = Capability {
    offered: &[],
    governed: &[("fermyon:spin", "allowed_outbound_hosts")],
    add_to_linker: |_| Ok(()),
};
