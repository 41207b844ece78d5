//! The aggregate.

use std::collections::{BTreeMap, BTreeSet};

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::event::{Decline, Event, Kind, Recorded};
use super::report::{Amounts, ChargeStatus, Report};

/// The code of ISO 4217 for no currency.
const NO_CURRENCY: &str = "XXX";

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
    NotRequested,
    /// A hold was requested, with an unknown result.
    Requested,
    /// The provider holds it.
    Held,
    /// Some of it was captured.
    Captured,
    /// Nothing is held, and nothing was captured.
    Released,
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
            currency: NO_CURRENCY.to_owned(),
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
            funds: Funds::NotRequested,
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
                self.funds = Funds::Requested;
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
            Event::Voided => self.funds = Funds::Released,
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
            Event::Stated { line, kind, amount } => self.add_line(*line, *kind, amount),
        }
        if matches!(
            event,
            Event::Captured { .. } | Event::Refunded { .. } | Event::ChargedBack { .. }
        ) {
            self.funds = if self.net() > 0 { Funds::Captured } else { Funds::Returned };
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

    fn add_line(&mut self, line: u64, kind: Kind, amount: &Money) {
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
            Funds::NotRequested if self.barred => Status::Voided,
            Funds::NotRequested | Funds::Requested => Status::Unknown,
            Funds::Held => Status::Authorized,
            Funds::Captured => Status::Captured,
            Funds::Released => Status::Voided,
            Funds::Returned => Status::Refunded,
            Funds::Declined(_) => Status::Declined,
        }
    }

    /// The captured amount less refunds and chargebacks, in minor units.
    pub fn net(&self) -> i64 {
        let Amounts { captured, refunded, charged_back, .. } = self.known;
        captured.saturating_sub(refunded).saturating_sub(charged_back)
    }

    /// The amount that is held and not captured, in minor units.
    pub fn held(&self) -> i64 {
        if self.funds == Funds::Held { self.known.held } else { 0 }
    }

    /// Whether it must be undone and the provider may still hold or have captured money.
    pub fn must_be_undone(&self) -> bool {
        self.barred && matches!(self.funds, Funds::Requested | Funds::Held | Funds::Captured)
    }

    /// The requested amount; zero, without currency, if it was never authorized.
    pub fn amount(&self) -> Money {
        match &self.terms {
            Some(terms) => terms.amount.clone(),
            None => Money::new(0, NO_CURRENCY),
        }
    }

    /// How the provider's actions differ from what was requested, for an operator. `None` if they
    /// match, or may still match.
    pub fn deviation(&self) -> Option<String> {
        let Amounts { currency, held, captured, refunded, charged_back } = &self.known;
        let requested = self.amount();
        let done = self.refunds.values().filter(|refund| refund.done);
        let done_amount = done.map(|refund| refund.amount.amount).fold(0, i64::saturating_add);
        let (mut faults, is_known) = (Vec::new(), self.reference.is_some());
        if is_known && *currency != requested.currency {
            faults.push(format!("in {currency} instead of {}", requested.currency));
        }
        if is_known && *held != requested.amount {
            faults.push(format!("{held} held instead of {}", requested.amount));
        }
        if matches!(self.funds, Funds::Captured | Funds::Returned) && *captured != requested.amount
        {
            faults.push(format!("{captured} captured instead of {}", requested.amount));
        }
        if !self.barred && *refunded != done_amount {
            faults.push(format!("{refunded} refunded instead of {done_amount}"));
        }
        if self.barred && matches!(self.funds, Funds::Captured) && *refunded > 0 {
            faults.push(format!("{refunded} refunded instead of {captured}"));
        }
        if *charged_back != 0 {
            faults.push(format!("{charged_back} charged back"));
        }
        (!faults.is_empty()).then(|| faults.join(", "))
    }

    /// Why a report of the provider can't be about this payment, if it can't.
    pub fn contradiction(&self, report: &Report) -> Option<String> {
        if report.payment_id != self.id {
            return Some(format!("the response is about {}", report.payment_id));
        }
        let known = self.reference.as_ref().filter(|known| **known != report.reference);
        known.map(|known| {
            format!("the charge is {known}, but the response is about {}", report.reference)
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
    /// A hold on a payment that was released without ever having a charge is not outdated: a request
    /// that seemed lost has arrived.
    pub fn events_of(&self, report: &Report) -> Vec<Event> {
        let late = self.funds == Funds::Released && self.reference.is_none();
        let is_new = late || self.funds == Funds::Requested;
        if self.contradiction(report).is_some() || !(is_new || self.reference.is_some()) {
            return Vec::new();
        }
        let is_undecided = is_new || self.funds == Funds::Held;
        match &report.status {
            ChargeStatus::Pending | ChargeStatus::Unknown(_) => Vec::new(),
            ChargeStatus::Declined(reason)
                if is_undecided && !late && report.amounts.captured == 0 =>
            {
                vec![Event::Declined { reason: *reason }]
            }
            ChargeStatus::Declined(_) if late && report.amounts.captured == 0 => Vec::new(),
            status => {
                let mut events = Vec::new();
                let money = |amount| Money::new(amount, report.amounts.currency.clone());
                if is_new {
                    let amount = Some(money(report.amounts.held));
                    events.push(Event::Authorized { reference: report.reference.clone(), amount });
                }
                events.extend(self.movements(&report.amounts));
                if *status == ChargeStatus::Ended && is_undecided && report.amounts.captured == 0 {
                    events.push(Event::Voided);
                }
                events
            }
        }
    }

    /// The movements that are not known yet.
    fn movements(&self, reported: &Amounts) -> Vec<Event> {
        let more = |reported: i64, known: i64| {
            let amount = reported.saturating_sub(known);
            (amount > 0).then_some(amount)
        };
        let money = |amount| Money::new(amount, reported.currency.clone());
        let captured = more(reported.captured, self.known.captured);
        let refunded = more(reported.refunded, self.known.refunded);
        let charged_back = more(reported.charged_back, self.known.charged_back);
        let captured = captured.map(|sum| Event::Captured { amount: Some(money(sum)) });
        let refunded = refunded.map(|sum| Event::Refunded { amount: Some(money(sum)) });
        let charged_back = charged_back.map(|sum| Event::ChargedBack { amount: money(sum) });
        [captured, refunded, charged_back].into_iter().flatten().collect()
    }
}
