//! Erasing the addresses of consignments that ended before addresses were erased.
//!
//! The register lists all consignments. Sweeps go through it once, a bounded number of entries at a
//! time, and store their progress.

use chassis::events::Producer;
use chassis::parts::Parts;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::{Refusal, Shipping};

/// The number of consignments that one sweep processes.
const LOOKS_MAX: u32 = 100;
/// The key of the sweeps' progress.
const PROGRESS: &str = "addresses_erased";

/// The position in the register up to which old addresses are erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    place: u64,
    /// The end of the register was reached.
    done: bool,
}

impl<S: Store, P: Producer> Shipping<S, P> {
    /// Erases old addresses of the next consignments. Returns the number of erased ones. If one
    /// fails, the next sweep begins at the same position.
    pub(super) async fn erase_old_addresses(&self) -> Result<usize, Refusal> {
        let at: Progress = self.store.read(PROGRESS).await?.unwrap_or_default();
        if at.done {
            return Ok(0);
        }
        let id = |_, order_id: String| async move { Ok::<_, StoreError>(Some(order_id)) };
        let page = self.register().stretch(at.place, LOOKS_MAX, id).await?;
        let (mut erased, mut parts) = (0, Parts::new());
        for order_id in page.entries {
            let was_there = self.erase_old_address(&order_id).await;
            erased += usize::from(parts.done(&order_id, was_there));
        }
        parts.end(())?;
        let next = Progress { place: page.next.unwrap_or(at.place), done: page.next.is_none() };
        self.store.write(PROGRESS, &next).await?;
        Ok(erased)
    }

    /// Returns whether there was one.
    async fn erase_old_address(&self, order_id: &str) -> Result<bool, Refusal> {
        let known = match self.read(order_id).await {
            // It is not known whether it has ended.
            Err(error @ StoreError::Corrupt { .. }) => {
                eprintln!("shipping: {order_id} keeps its address: {error}");
                return Ok(false);
            }
            known => known?,
        };
        if !known.is_some_and(|known| known.keeps_old_address()) {
            return Ok(false);
        }
        let erase = |consignment: &mut crate::domain::Consignment| {
            consignment.erase_address();
            Ok(())
        };
        self.change(order_id, erase).await.map(|_| true)
    }
}
