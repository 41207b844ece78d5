//! The aggregate.

use std::collections::{BTreeMap, BTreeSet};

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::event::{Decline, Event, Kind, Recorded};
use super::news::{Amounts, News, Standing};

/// The status of a payment for other functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, description = ""))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The provider holds the money.
    Authorized,
    /// The money, or a part of it, was captured.
    Captured,
    /// The hold has ended; nothing was charged.
    Voided,
    /// Everything that was captured was refunded.
    Refunded,
    /// The provider refused.
    Declined,
    /// Requested, with an unknown result.
    Unknown,
}

/// What the customer has to pay, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Positive.
    pub amount: Money,
    /// A token of the provider.
    pub method: String,
}

/// The known state of the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funds {
    /// Nothing was requested.
    Untouched,
    /// A hold was requested, with an unknown result.
    Asked,
    /// The provider holds it.
    Held,
    /// Some of it was captured.
    Taken,
    /// Nothing is held, and nothing was captured.
    Free,
    /// Captured and refunded or charged back.
    Returned,
    /// The provider refused.
    Declined(Decline),
}

/// A partial refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// How much.
    pub amount: Money,
    /// Whether the provider has made it.
    pub done: bool,
}

/// The state of a payment after some events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Chosen by the caller.
    pub id: String,
    /// The order that it pays; empty if only the provider knows this payment.
    pub order_id: String,
    /// `None` for a payment that was canceled before it was authorized.
    pub terms: Option<Terms>,
    /// The provider's reference of the charge, once there is one.
    pub reference: Option<String>,
    /// Whether it must be undone.
    pub barred: bool,
    /// The state of the money.
    pub funds: Funds,
    /// The amounts that the provider has reported.
    pub known: Amounts,
    /// The amounts in the provider's statement, as far as it was read.
    pub stated: Amounts,
    /// Lines of the statement that are about it.
    pub lines: BTreeSet<u64>,
    /// Partial refunds, by their ids.
    pub refunds: BTreeMap<String, Refund>,
    /// The sequence number of the last event.
    pub version: u64,
}

impl Payment {
    /// A payment without events.
    pub fn new(id: &str) -> Self {
        let nothing = Amounts {
            currency: "XXX".to_owned(),
            held: 0,
            captured: 0,
            refunded: 0,
            charged_back: 0,
        };
        Self {
            id: id.to_owned(),
            order_id: String::new(),
            terms: None,
            reference: None,
            barred: false,
            funds: Funds::Untouched,
            known: nothing.clone(),
            stated: nothing,
            lines: BTreeSet::new(),
            refunds: BTreeMap::new(),
            version: 0,
        }
    }

    /// The payment after these events.
    pub fn fold(id: &str, events: &[Recorded]) -> Self {
        let mut payment = Self::new(id);
        for recorded in events {
            payment.version = recorded.sequence;
            payment.apply(&recorded.event);
        }
        payment
    }

    /// The payment after one more event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::AuthorizationAsked { order_id, amount, method } => {
                self.order_id.clone_from(order_id);
                self.known.currency.clone_from(&amount.currency);
                self.terms = Some(Terms { amount: amount.clone(), method: method.clone() });
                self.funds = Funds::Asked;
            }
            Event::CancelAsked { order_id } => {
                self.order_id.clone_from(order_id);
                self.barred = true;
            }
            Event::Authorized { reference, amount } => {
                self.reference = Some(reference.clone());
                self.known.held = self.moved(amount.as_ref());
                self.funds = Funds::Held;
            }
            Event::Declined { reason } => self.funds = Funds::Declined(*reason),
            Event::Captured { amount } => {
                let moved = self.moved(amount.as_ref());
                self.known.captured = self.known.captured.saturating_add(moved);
            }
            Event::Voided => self.funds = Funds::Free,
            Event::RefundAsked { refund_id, amount } => {
                let refund = Refund { amount: amount.clone(), done: false };
                self.refunds.insert(refund_id.clone(), refund);
            }
            Event::RefundDone { refund_id } => {
                if let Some(refund) = self.refunds.get_mut(refund_id) {
                    refund.done = true;
                }
            }
            Event::Refunded { amount } => {
                let moved = self.moved(amount.as_ref());
                self.known.refunded = self.known.refunded.saturating_add(moved);
            }
            Event::ChargedBack { amount } => {
                let moved = self.moved(Some(amount));
                self.known.charged_back = self.known.charged_back.saturating_add(moved);
            }
            Event::Stated { line, kind, amount } => self.state(*line, *kind, amount),
        }
        if matches!(
            event,
            Event::Captured { .. } | Event::Refunded { .. } | Event::ChargedBack { .. }
        ) {
            self.funds = if self.net() > 0 { Funds::Taken } else { Funds::Returned };
        }
    }

    /// The amount of an event; old events without an amount moved the whole sum.
    fn moved(&mut self, amount: Option<&Money>) -> i64 {
        match amount {
            Some(amount) => {
                self.known.currency.clone_from(&amount.currency);
                amount.amount
            }
            None => self.amount().amount,
        }
    }

    fn state(&mut self, line: u64, kind: Kind, amount: &Money) {
        self.lines.insert(line);
        self.stated.currency.clone_from(&amount.currency);
        let Amounts { captured, refunded, charged_back, .. } = &mut self.stated;
        match kind {
            Kind::Capture => *captured = captured.saturating_add(amount.amount),
            Kind::Refund => *refunded = refunded.saturating_sub(amount.amount),
            Kind::Chargeback => *charged_back = charged_back.saturating_sub(amount.amount),
        }
    }

    /// Its status for other functions.
    pub fn status(&self) -> Status {
        match self.funds {
            Funds::Untouched if self.barred => Status::Voided,
            Funds::Untouched | Funds::Asked => Status::Unknown,
            Funds::Held => Status::Authorized,
            Funds::Taken => Status::Captured,
            Funds::Free => Status::Voided,
            Funds::Returned => Status::Refunded,
            Funds::Declined(_) => Status::Declined,
        }
    }

    /// The captured amount less refunds and chargebacks, in minor units.
    pub fn net(&self) -> i64 {
        let Amounts { captured, refunded, charged_back, .. } = self.known;
        captured.saturating_sub(refunded).saturating_sub(charged_back)
    }

    /// Whether it must be undone and the provider may still hold or have captured money.
    pub fn must_be_undone(&self) -> bool {
        self.barred && matches!(self.funds, Funds::Asked | Funds::Held | Funds::Taken)
    }

    /// The requested amount; zero, without currency, if it was never authorized.
    pub fn amount(&self) -> Money {
        match &self.terms {
            Some(terms) => terms.amount.clone(),
            None => Money::new(0, "XXX"),
        }
    }

    /// How the provider's actions differ from what was requested, for an operator. `None` if they
    /// match, or may still match.
    pub fn deviation(&self) -> Option<String> {
        let Amounts { currency, held, captured, refunded, charged_back } = &self.known;
        let asked = self.amount();
        let done = self.refunds.values().filter(|refund| refund.done);
        let given_back = done.map(|refund| refund.amount.amount).fold(0, i64::saturating_add);
        let (mut faults, is_known) = (Vec::new(), self.reference.is_some());
        if is_known && *currency != asked.currency {
            faults.push(format!("in {currency} instead of {}", asked.currency));
        }
        if is_known && *held != asked.amount {
            faults.push(format!("{held} held instead of {}", asked.amount));
        }
        if matches!(self.funds, Funds::Taken | Funds::Returned) && *captured != asked.amount {
            faults.push(format!("{captured} captured instead of {}", asked.amount));
        }
        if !self.barred && *refunded != given_back {
            faults.push(format!("{refunded} refunded instead of {given_back}"));
        }
        if self.barred && matches!(self.funds, Funds::Taken) && *refunded > 0 {
            faults.push(format!("{refunded} refunded instead of {captured}"));
        }
        if *charged_back != 0 {
            faults.push(format!("{charged_back} charged back"));
        }
        (!faults.is_empty()).then(|| faults.join(", "))
    }

    /// Why a report of the provider can't be about this payment, if it can't.
    pub fn contradiction(&self, news: &News) -> Option<String> {
        if news.payment_id != self.id {
            return Some(format!("the response is about {}", news.payment_id));
        }
        let known = self.reference.as_ref().filter(|known| **known != news.reference);
        known.map(|known| {
            format!("the charge is {known}, but the response is about {}", news.reference)
        })
    }

    /// Whether the provider's statement has movements that are not in the payment's events.
    pub fn is_behind_statement(&self) -> bool {
        let (stated, known) = (&self.stated, &self.known);
        stated.captured > known.captured
            || stated.refunded > known.refunded
            || stated.charged_back > known.charged_back
    }

    /// The events that follow from a report of the provider. Reports may arrive twice, late and in
    /// any order: amounts only grow, and only valid transitions from the current state count.
    ///
    /// A hold on a payment that was settled as free without ever having a charge is not outdated: a
    /// request that seemed lost has arrived.
    pub fn learn(&self, news: &News) -> Vec<Event> {
        let late = self.funds == Funds::Free && self.reference.is_none();
        let is_new = late || self.funds == Funds::Asked;
        if self.contradiction(news).is_some() || !(is_new || self.reference.is_some()) {
            return Vec::new();
        }
        let untouched = is_new || self.funds == Funds::Held;
        match &news.standing {
            Standing::Pending | Standing::Unknown(_) => Vec::new(),
            Standing::Declined(reason) if untouched && !late && news.amounts.captured == 0 => {
                vec![Event::Declined { reason: *reason }]
            }
            Standing::Declined(_) if late && news.amounts.captured == 0 => Vec::new(),
            standing => {
                let mut events = Vec::new();
                let money = |amount| Money::new(amount, news.amounts.currency.clone());
                if is_new {
                    let amount = Some(money(news.amounts.held));
                    events.push(Event::Authorized { reference: news.reference.clone(), amount });
                }
                events.extend(self.movements(&news.amounts));
                if *standing == Standing::Ended && untouched && news.amounts.captured == 0 {
                    events.push(Event::Voided);
                }
                events
            }
        }
    }

    /// The movements that are not known yet.
    fn movements(&self, theirs: &Amounts) -> Vec<Event> {
        let more = |theirs: i64, ours: i64| {
            let amount = theirs.saturating_sub(ours);
            (amount > 0).then_some(amount)
        };
        let money = |amount| Money::new(amount, theirs.currency.clone());
        let captured = more(theirs.captured, self.known.captured);
        let refunded = more(theirs.refunded, self.known.refunded);
        let charged_back = more(theirs.charged_back, self.known.charged_back);
        let captured = captured.map(|sum| Event::Captured { amount: Some(money(sum)) });
        let refunded = refunded.map(|sum| Event::Refunded { amount: Some(money(sum)) });
        let charged_back = charged_back.map(|sum| Event::ChargedBack { amount: money(sum) });
        [captured, refunded, charged_back].into_iter().flatten().collect()
    }
}
