//! Orders.

use chassis::store::Store;

use super::{Legacy, NUMBER_BEFORE_FIRST, Refusal};
use crate::domain::{Content, Message, NewOrder, Order, Row};
use crate::ports::Ports;

/// The counter of orders. Their numbers are without gaps but for those that were wasted, so that it
/// also says which orders there are.
pub(super) const ORDERS: &str = "orders";

impl<P: Ports> Legacy<P> {
    /// Places an order. Idempotent by the customer's reference.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Unavailable`].
    pub async fn place(&self, customer: u64, new: &NewOrder) -> Result<Order, Refusal> {
        let now_ms = self.now_ms();
        let mut order = Order::place("", &new.articles, now_ms).map_err(Refusal::Invalid)?;
        order.order = self.number(customer, &new.reference).await?;
        let is_publishing = self.is_publishing().await?;
        let place = |row: Option<Row>| match row {
            Some(row) => Ok((row, ())),
            None => {
                let mut row = Row::own(Content::Order { customer, order: order.clone() });
                if is_publishing {
                    row.publish(now_ms, false)?;
                }
                Ok::<_, Refusal>((row, ()))
            }
        };
        let key = order_key(&order.order);
        self.relay().change(&key, place).await?;
        if !is_publishing {
            self.publish_if_begun(&key).await?;
        }
        self.list(&orders_key(customer), &order.order).await?;
        let order = self.order(customer, &order.order).await?;
        if !is_publishing {
            self.announce(customer, &order).await?;
        }
        Ok(order)
    }

    /// The number of the order that a client has placed with this reference, or has begun to place.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn referenced(&self, customer: u64, reference: &str) -> Result<String, Refusal> {
        let number = self.store().read(&reference_key(customer, reference)).await?;
        number.ok_or(Refusal::NotFound("reference"))
    }

    /// The number of the order with this reference, or the next one.
    async fn number(&self, customer: u64, reference: &str) -> Result<String, Refusal> {
        let key = reference_key(customer, reference);
        if let Some(number) = self.store().read(&key).await? {
            return Ok(number);
        }
        // Numbers count all orders; of two requests with one reference, one wastes its number.
        let count = self.store().increment(ORDERS, 1).await?.unsigned_abs();
        let number = (count + NUMBER_BEFORE_FIRST).to_string();
        match self.store().create_guarded(&key, &number).await? {
            true => Ok(number),
            false => self.store().read(&key).await?.ok_or(Refusal::NotFound("order")),
        }
    }

    /// The message about an order that the shop sends by itself. If the provider does not respond,
    /// the sweep repeats it.
    async fn announce(&self, customer: u64, order: &Order) -> Result<(), Refusal> {
        let kind = "paid".to_owned();
        let request = format!("{}:{kind}", order.order);
        let (order, sent) = (order.order.clone(), String::new());
        self.send_soon(&Message { request, customer, kind, order, sent }).await
    }

    /// The last orders of a customer, newest first.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn orders(&self, customer: u64) -> Result<Vec<Order>, Refusal> {
        let rows = self.listed(&orders_key(customer), "order").await?;
        Ok(rows.into_iter().filter_map(|row| order_of(row, customer)).collect())
    }

    /// An order of a customer.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn order(&self, customer: u64, number: &str) -> Result<Order, Refusal> {
        let row = self.row(&order_key(number)).await?;
        row.and_then(|row| order_of(row, customer)).ok_or(Refusal::NotFound("order"))
    }

    /// Support corrects a total by hand. It is older than the events and was forgotten when they were
    /// added: only [`Legacy::publish_past`] publishes the change.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn correct(&self, number: &str, total: &str) -> Result<Order, Refusal> {
        let correct = |row: Option<Row>| {
            let mut row =
                row.filter(|row| row.copied.is_none()).ok_or(Refusal::NotFound("order"))?;
            let Content::Order { order, .. } = &mut row.content else {
                return Err(Refusal::NotFound("order"));
            };
            order.total = total.to_owned();
            let order = order.clone();
            Ok((row, order))
        };
        self.store().update(&order_key(number), correct).await
    }

    /// Keeps a copy of an order of another system, unless a newer one is kept.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for the number of an order of this shop; [`Refusal::Unavailable`].
    pub async fn copy_order(
        &self,
        customer: u64,
        order: &Order,
        sequence: u64,
    ) -> Result<(), Refusal> {
        if order.order.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::Invalid("this number is of an order of this shop".to_owned()));
        }
        let copy = |row: Option<Row>| {
            let copy = Row::copy(Content::Order { customer, order: order.clone() }, sequence);
            let newer = row.filter(|row| row.copied.is_some_and(|copied| copied >= sequence));
            Ok::<_, Refusal>((newer.unwrap_or(copy), ()))
        };
        self.store().update(&order_key(&order.order), copy).await?;
        Ok(self.list(&orders_key(customer), &order.order).await?)
    }
}

fn order_of(row: Row, of: u64) -> Option<Order> {
    match row.content {
        Content::Order { customer, order } if customer == of => Some(order),
        _ => None,
    }
}

pub(super) fn order_key(number: &str) -> String {
    format!("order/{number}")
}

fn reference_key(customer: u64, reference: &str) -> String {
    format!("reference/{customer}/{reference}")
}

fn orders_key(customer: u64) -> String {
    format!("orders-of/{customer}")
}
