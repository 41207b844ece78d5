//! The other side of the contracts: what each participant does when it is asked.

use super::*;
use orders::domain::returns;

impl State {
    pub(super) fn perform(&mut self, action: Action, order: &Order) -> Result<(), Fault> {
        match action {
            Action::Do(Step::Reserve) => self.reserve(&order.reservation_id()),
            Action::Do(Step::Commit) => self.commit(&order.reservation_id()),
            Action::Undo(Undo::Release) => self.release(&order.reservation_id()),
            Action::Undo(Undo::TakeBack) => self.take_back(&order.reservation_id()),
            Action::Do(Step::Authorize) => self.authorize(&order.payment_id()),
            Action::Do(Step::Capture) => self.capture(&order.payment_id()),
            Action::Undo(Undo::CancelPayment) => {
                self.payments.insert(order.payment_id(), Payment::Barred);
                Ok(())
            }
            Action::Do(Step::Ship) => self.ship(&order.placed.id),
            Action::Undo(Undo::CancelShipment) => self.unship(&order.placed.id),
            Action::Undo(undo @ (Undo::RefundParcel | Undo::RestockParcel)) => {
                self.give_back(undo, order)
            }
            Action::Do(Step::ClearCart) => {
                if order.placed.cart_version == Some(self.cart.version) {
                    self.cart.lines.clear();
                }
                Ok(())
            }
        }
    }

    /// Once for each parcel.
    fn give_back(&mut self, undo: Undo, order: &Order) -> Result<(), Fault> {
        let parcel = returns::target(order, undo).expect("a returned parcel");
        if undo == Undo::RefundParcel {
            let worth = returns::worth(order, parcel).amount;
            self.refunds.insert(parcel.id.clone(), worth);
        } else {
            let pieces = parcel.lines.iter().map(|line| line.quantity).sum();
            let before = self.restocked.insert(parcel.id.clone(), pieces);
            self.on_hand += if before.is_none() { pieces } else { 0 };
        }
        Ok(())
    }

    fn reserve(&mut self, id: &str) -> Result<(), Fault> {
        match self.reservations.get(id) {
            Some(Reservation::Barred) => Err(Fault::ReservationLost),
            Some(_) => Ok(()),
            None if self.on_hand < PIECES => {
                Err(Fault::Refused { code: "out_of_stock", detail: String::new() })
            }
            None => {
                self.on_hand -= PIECES;
                self.reservations.insert(id.to_owned(), Reservation::Held(PIECES));
                Ok(())
            }
        }
    }

    fn commit(&mut self, id: &str) -> Result<(), Fault> {
        let held = matches!(self.reservations.get(id), Some(Reservation::Held(_)));
        if held && self.lose_reservation > 0 {
            self.lose_reservation -= 1;
            self.release(id)?;
        }
        match self.reservations.get(id) {
            Some(Reservation::Sold(_)) => Ok(()),
            Some(Reservation::Held(pieces)) => {
                self.reservations.insert(id.to_owned(), Reservation::Sold(*pieces));
                Ok(())
            }
            Some(Reservation::Barred) => Err(Fault::ReservationLost),
            None => panic!("commit before reserve"),
        }
    }

    fn release(&mut self, id: &str) -> Result<(), Fault> {
        if let Some(Reservation::Sold(_)) = self.reservations.get(id) {
            panic!("release of a sale");
        }
        self.take_back(id)
    }

    fn take_back(&mut self, id: &str) -> Result<(), Fault> {
        let before = self.reservations.insert(id.to_owned(), Reservation::Barred);
        if let Some(Reservation::Held(pieces) | Reservation::Sold(pieces)) = before {
            self.on_hand += pieces;
        }
        Ok(())
    }

    fn authorize(&mut self, id: &str) -> Result<(), Fault> {
        match self.payments.get(id) {
            Some(Payment::Barred) => {
                Err(Fault::Refused { code: "payment_cancelled", detail: String::new() })
            }
            Some(_) => Ok(()),
            None => {
                self.payments.insert(id.to_owned(), Payment::Held);
                Ok(())
            }
        }
    }

    fn capture(&mut self, id: &str) -> Result<(), Fault> {
        match self.payments.get(id) {
            Some(Payment::Captured) => Ok(()),
            Some(Payment::Held) => {
                self.payments.insert(id.to_owned(), Payment::Captured);
                *self.captures.entry(id.to_owned()).or_default() += 1;
                Ok(())
            }
            _ => Err(Fault::Refused { code: "payment_cancelled", detail: String::new() }),
        }
    }

    fn ship(&mut self, id: &str) -> Result<(), Fault> {
        if self.barred_parcels.contains(id) {
            return Err(Fault::Refused { code: "cancelled", detail: String::new() });
        }
        self.parcels.entry(id.to_owned()).or_insert(ShipmentStatus::Created);
        Ok(())
    }

    fn unship(&mut self, id: &str) -> Result<(), Fault> {
        match self.parcels.get_mut(id) {
            Some(ShipmentStatus::InTransit | ShipmentStatus::Delivered) => {
                return Err(Fault::TooLate("on its way".to_owned()));
            }
            Some(parcel) => *parcel = ShipmentStatus::Cancelled,
            None => {}
        }
        self.barred_parcels.insert(id.to_owned());
        Ok(())
    }
}

impl Participants for World {
    async fn products(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        self.wait().await;
        let known = skus.into_iter().filter(|sku| sku.starts_with("SKU-"));
        let product = |sku: String| Product {
            name: format!("Thing {sku}"),
            price: Money::new(PRICE, "EUR"),
            sku,
        };
        Ok(known.map(product).collect())
    }

    async fn cart(&self, _user_id: &str) -> Result<Cart, Unavailable> {
        self.wait().await;
        Ok(self.with(|state| state.cart.clone()))
    }

    async fn shipments(&self, order_id: &str) -> Result<Vec<Shipment>, Unavailable> {
        self.wait().await;
        let parcel = self.with(|state| state.parcels.get(order_id).copied());
        let shipment = |status| Shipment {
            id: "shp_1".to_owned(),
            status,
            courier: "north".to_owned(),
            tracking_code: "T1".to_owned(),
            lines: vec![("SKU-1".to_owned(), PIECES)],
            updated_at: "2027-01-15T08:00:00Z".to_owned(),
        };
        Ok(parcel.map(shipment).into_iter().collect())
    }

    async fn perform(&self, action: Action, order: &Order) -> Result<(), Fault> {
        self.wait().await;
        let answer = self.answer(action, order);
        self.wait().await;
        answer
    }

    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        self.wait().await;
        let mood = self.with(|state| {
            let moods = state.moods.entry("Publish".to_owned()).or_default();
            if moods.is_empty() { Mood::Fine } else { moods.remove(0) }
        });
        match mood {
            Mood::Fine => {}
            Mood::HappensUnanswered => self.2.plan([Behavior::AcceptAndFail(1)]),
            _ => self.2.plan([Behavior::Refuse]),
        }
        let answer = self.2.publish(events).await;
        self.wait().await;
        answer
    }
}
