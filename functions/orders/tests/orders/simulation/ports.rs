//! The ports of orders in the simulation.

use chassis::clock::{Clock, Timer};
use chassis::events::{Event, Producer, PublishError};
use chassis::money::Money;
use chassis::testing::{Behavior, Operation, ScriptedStore};
use orders::domain::event::Failure;
use orders::domain::saga::{Action, Fault};
use orders::domain::{Line, Order, Parcel, ShipmentStatus};
use orders::ports::{self, Cart, Product, Shipment, Unavailable};

use super::{Answer, PRICE, QUANTITY, Simulation};

impl Simulation {
    /// The store of a process, which may stop before each operation and after each write.
    pub(crate) fn stopping_store(&self) -> ScriptedStore {
        let (before, after) = (self.clone(), self.clone());
        let before = move |operation, key: &str| {
            before.count(operation, key);
            let wait = before.wait();
            async move {
                wait.await;
                Ok(())
            }
        };
        let after = move |operation: Operation, _: &str| {
            let wait = operation.is_write().then(|| after.wait());
            async move {
                if let Some(wait) = wait {
                    wait.await;
                }
                Ok(())
            }
        };
        ScriptedStore::new(self.store.clone()).before(before).after(after)
    }

    fn count(&self, operation: Operation, key: &str) {
        self.with(|state| match operation {
            Operation::Get if key.starts_with("order:") => {
                state.reads += 1;
                state.now_ms += state.order_read_ms;
            }
            Operation::Get => state.reads += 1,
            _ => state.writes += 1,
        });
    }
}

impl ports::Participants for Simulation {
    async fn products(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        self.wait().await;
        let known = skus.into_iter().filter(|sku| sku.starts_with("SKU-"));
        let price = Money::new(PRICE, "EUR");
        let product = |sku| Product { name: format!("Thing {sku}"), price: price.clone(), sku };
        Ok(known.map(product).collect())
    }

    async fn cart(&self, _user_id: &str) -> Result<Cart, Unavailable> {
        self.wait().await;
        Ok(self.with(|state| state.cart.clone()))
    }

    async fn shipments(&self, order_id: &str) -> Result<Vec<Shipment>, Unavailable> {
        self.wait().await;
        let parcel = |status| Parcel {
            id: "shp_1".to_owned(),
            status,
            courier: "north".to_owned(),
            tracking_code: "T1".to_owned(),
            lines: vec![Line { sku: "SKU-1".to_owned(), quantity: QUANTITY }],
        };
        let updated_at = "2027-01-15T08:00:00Z".to_owned();
        let shipment = |status| Shipment { parcel: parcel(status), updated_at };
        Ok(self.parcel(order_id).map(shipment).into_iter().collect())
    }

    async fn perform(&self, action: Action, order: &Order) -> Result<(), Fault> {
        let name = match action {
            Action::Do(step) => format!("{step:?}"),
            Action::Undo(undo) => format!("{undo:?}"),
        };
        let failed = |failure| Err(Fault::Failed(failure, "test".to_owned()));
        self.wait().await;
        let answer = self.with(|state| match state.next_answer(&name) {
            Answer::Normal => state.perform(action, order),
            Answer::Refused => Err(Fault::Refused { code: "no", detail: "refused".to_owned() }),
            Answer::Mismatch => Err(Fault::Mismatch("10 instead of 100".to_owned())),
            Answer::Unavailable => failed(Failure::Unavailable),
            Answer::RequestLost => failed(Failure::Unknown),
            Answer::ResponseLost => {
                let _ = state.perform(action, order);
                failed(Failure::Unknown)
            }
            Answer::ResponseLostAndPickedUp => {
                let _ = state.perform(action, order);
                state.participants(&order.placed.id).parcel = Some(ShipmentStatus::InTransit);
                failed(Failure::Unknown)
            }
        });
        self.wait().await;
        answer
    }

    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        self.wait().await;
        match self.with(|state| state.next_answer("Publish")) {
            Answer::Normal => {}
            Answer::ResponseLost => self.log.plan([Behavior::AcceptAndFail(1)]),
            _ => self.log.plan([Behavior::Refuse]),
        }
        let answer = self.log.publish(events).await;
        self.wait().await;
        answer
    }
}

impl Clock for Simulation {
    fn now_ms(&self) -> u64 {
        self.with(|state| state.now_ms)
    }
}

impl Timer for Simulation {
    async fn sleep(&self, ms: u64) {
        self.advance(ms);
        self.wait().await;
    }
}
