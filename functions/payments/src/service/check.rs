//! Validation of requests.

use chassis::card;
use chassis::money::{self, Money};

use super::Refusal;
use crate::domain::{Event, Payment};

/// Maximum length of an id, order id or payment method, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// Whether a payment that exists may be authorized (again).
pub(super) fn allows(
    payment: &Payment,
    order_id: &str,
    amount: &Money,
    method: &str,
) -> Result<Vec<Event>, Refusal> {
    if payment.barred {
        return Err(Refusal::Conflict(payment.status()));
    }
    let terms = payment.terms.as_ref();
    let same = payment.order_id == order_id
        && terms.is_some_and(|terms| terms.amount == *amount && terms.method == method);
    match same {
        true => Ok(Vec::new()),
        false => Err(Refusal::Invalid("this id was already used with different terms".to_owned())),
    }
}

/// Whether a payment belongs to this order, or to no known order.
pub(super) fn is_of_order(payment: &Payment, order_id: &str) -> bool {
    payment.order_id.is_empty() || payment.order_id == order_id
}

pub(super) fn check(id: &str, order_id: &str, amount: &Money, method: &str) -> Result<(), Refusal> {
    check_text("id", id)?;
    check_text("order id", order_id)?;
    check_text("method", method)?;
    if card::holds_number(method) {
        return Err(Refusal::Invalid(
            "the payment method must be a token, not a card number".to_owned(),
        ));
    }
    check_amount(amount)
}

pub(super) fn check_amount(amount: &Money) -> Result<(), Refusal> {
    if amount.amount <= 0 || !money::is_currency(&amount.currency) {
        return Err(Refusal::Invalid("the amount must be positive and have a currency".to_owned()));
    }
    Ok(())
}

pub(super) fn check_text(name: &str, text: &str) -> Result<(), Refusal> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || !visible {
        let rule = format!("the {name} must be 1 to {TEXT_BYTES_MAX} visible ASCII characters");
        return Err(Refusal::Invalid(rule));
    }
    Ok(())
}
