//! Erasing the addresses of consignments that ended before addresses were erased.
//!
//! The register lists all consignments. Sweeps go through it once, a bounded number of entries at a
//! time, and store their progress.

use chassis::Clock;
use chassis::events::Producer;
use chassis::parts::Parts;
use chassis::store::{Store, StoreError};

use super::Shipping;
use crate::domain::{Consignment, Refusal};
use crate::records::Erasure;

/// The number of consignments that one sweep processes.
const CONSIGNMENTS_MAX: u32 = 100;

impl<S: Store, P: Producer, C: Clock> Shipping<S, P, C> {
    /// Erases old addresses of the next consignments. Returns the number of erased ones. If one
    /// fails, the next sweep begins at the same position.
    pub(super) async fn erase_old_addresses(&self) -> Result<usize, Refusal> {
        let at = self.records.erasure().await?;
        if at.done {
            return Ok(0);
        }
        let id = |_, order_id: String| async move { Ok::<_, StoreError>(Some(order_id)) };
        let page = self.records.register().stretch(at.position, CONSIGNMENTS_MAX, id).await?;
        let (mut erased, mut parts) = (0, Parts::new());
        for order_id in page.entries {
            let had_one = self.erase_old_address(&order_id).await;
            erased += usize::from(parts.done(&order_id, had_one));
        }
        parts.end(())?;
        let position = page.next.unwrap_or(at.position);
        self.records.set_erasure(Erasure { position, done: page.next.is_none() }).await?;
        Ok(erased)
    }

    /// Returns whether there was one.
    async fn erase_old_address(&self, order_id: &str) -> Result<bool, Refusal> {
        let known = match self.records.consignment(order_id).await {
            // It is not known whether it has ended.
            Err(error @ StoreError::Corrupt { .. }) => {
                eprintln!("shipping: the address of {order_id} is not erased: {error}");
                return Ok(false);
            }
            known => known?,
        };
        if !known.is_some_and(|known| known.keeps_old_address()) {
            return Ok(false);
        }
        let erase = |consignment: &mut Consignment| {
            consignment.erase_address();
            Ok(())
        };
        self.change(order_id, erase).await.map(|_| true)
    }
}
