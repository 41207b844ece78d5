//! Points around deliveries, and deliveries that are made twice.

use super::{active::duplicate, around};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::VecDeque;
use tessera_events::{Deliver, Delivery, Outcome};

/// Deliveries that wait to be made again after later ones.
const WAITING_MAX: usize = 64;

/// Delivers, and at times delivers again what had gone well: at once, or after a later
/// delivery, when a newer event of its key may have arrived already.
pub(crate) struct DuplicateDeliveries<D> {
    deliver: D,
    waiting: Mutex<VecDeque<Delivery>>,
}

impl<D: Deliver> DuplicateDeliveries<D> {
    pub(crate) fn new(deliver: D) -> Self {
        Self { deliver, waiting: Mutex::default() }
    }

    async fn deliver_once(&self, delivery: Delivery) -> Outcome {
        let (group, component) = (delivery.subscription.clone(), delivery.member.component.clone());
        let name = move || format!("deliver/{group}/{component}");
        around(name, self.deliver.deliver(delivery)).await
    }
}

impl<D: Deliver> Deliver for DuplicateDeliveries<D> {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let earlier = self.waiting.lock().pop_front();
            let outcome = self.deliver_once(delivery.clone()).await;
            if outcome == Outcome::Done {
                match duplicate() {
                    None => {}
                    Some(true) if self.waiting.lock().len() < WAITING_MAX => {
                        self.waiting.lock().push_back(delivery);
                    }
                    Some(_) => {
                        self.deliver_once(delivery).await;
                    }
                }
            }
            if let Some(earlier) = earlier {
                // The log knows it as done, whatever the subscriber says to a second one.
                self.deliver_once(earlier).await;
            }
            outcome
        })
    }
}
