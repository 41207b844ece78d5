//! The types of cron triggers, which have no functions.

use super::Capability;

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin-cron", "spin:cron"],
    governed: &[],
    add_to_linker: |_| Ok(()),
};
