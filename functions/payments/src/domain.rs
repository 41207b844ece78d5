//! A payment as the fold of its events, and what news from the provider means for it.

use chassis::money::Money;
use serde::{Deserialize, Serialize};

/// How far a payment has come, as other capabilities see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The provider holds the money for us.
    Authorized,
    /// The money is ours.
    Captured,
    /// The hold was given up; nothing was charged.
    Voided,
    /// The money went back.
    Refunded,
    /// The provider refused.
    Declined,
    /// Asked for, and not known.
    Unknown,
}

/// Why a card was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decline {
    /// Without a reason that we may pass on.
    Card,
    /// There is not enough money.
    InsufficientFunds,
    /// The method does not exist or can't be used.
    InvalidMethod,
    /// For a reason that this version does not know.
    Other,
}

/// Something that has happened to a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The provider is about to be asked for a hold; from now on it may exist.
    AuthorizationAsked { order_id: String, amount: Money, method: String },
    /// The payment is to be undone, and may not come (back) to life.
    CancelAsked { order_id: String },
    /// The provider holds the money, under its own reference.
    Authorized { reference: String },
    /// The provider refused. Final.
    Declined { reason: Decline },
    /// The money is ours.
    Captured,
    /// The hold is gone, or there never was one.
    Voided,
    /// The money went back.
    Refunded,
}

impl Event {
    /// Whether the books change with it.
    pub fn moves_money(&self) -> bool {
        matches!(self, Self::Captured | Self::Refunded)
    }
}

/// An event with its place in the payment's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// 1 for the first event, without gaps.
    pub sequence: u64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// Its place in the ledger, if it moves money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u64>,
    /// What has happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What the customer is to pay, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Positive.
    pub amount: Money,
    /// A token of the provider.
    pub method: String,
}

/// Where the money is, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funds {
    /// Nobody was ever asked.
    Untouched,
    /// The provider was asked, and nothing is known.
    Asked,
    /// The provider holds it.
    Held,
    /// It is ours.
    Taken,
    /// Nothing is held, nothing was taken.
    Free,
    /// Taken and given back.
    Returned,
    /// The provider refused.
    Declined(Decline),
}

/// What the provider says about a charge, in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not decided yet.
    Pending,
    /// It holds the money.
    Held,
    /// It has taken the money for us.
    Taken,
    /// Undone; `taken` tells whether the money had been taken before.
    Undone { taken: bool },
    /// Refused.
    Declined(Decline),
    /// A state that this version does not know, in the provider's own words.
    Unknown(String),
}

/// News from the provider about one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The provider's own name for the charge.
    pub reference: String,
    /// How the charge stands.
    pub standing: Standing,
}

/// A payment after some events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Chosen by the caller.
    pub id: String,
    /// The order that it pays.
    pub order_id: String,
    /// None for a payment that was cancelled before it was authorised.
    pub terms: Option<Terms>,
    /// The provider's name for the charge, once there is one.
    pub reference: Option<String>,
    /// Whether it is to be undone.
    pub barred: bool,
    /// Where the money is.
    pub funds: Funds,
    /// The sequence number of the last event.
    pub version: u64,
}

impl Payment {
    /// A payment to which nothing has happened.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            order_id: String::new(),
            terms: None,
            reference: None,
            barred: false,
            funds: Funds::Untouched,
            version: 0,
        }
    }

    /// The payment that these events make.
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
                self.terms = Some(Terms { amount: amount.clone(), method: method.clone() });
                self.funds = Funds::Asked;
            }
            Event::CancelAsked { order_id } => {
                self.order_id.clone_from(order_id);
                self.barred = true;
            }
            Event::Authorized { reference } => {
                self.reference = Some(reference.clone());
                self.funds = Funds::Held;
            }
            Event::Declined { reason } => self.funds = Funds::Declined(*reason),
            Event::Captured => self.funds = Funds::Taken,
            Event::Voided => self.funds = Funds::Free,
            Event::Refunded => self.funds = Funds::Returned,
        }
    }

    /// How far it has come, as others see it.
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

    /// Whether it is to be undone and the provider may still have money for it.
    pub fn must_be_undone(&self) -> bool {
        self.barred && matches!(self.funds, Funds::Asked | Funds::Held | Funds::Taken)
    }

    /// The amount; nothing, in no currency, if it was never authorised.
    pub fn amount(&self) -> Money {
        match &self.terms {
            Some(terms) => terms.amount.clone(),
            None => Money::new(0, "XXX"),
        }
    }

    /// What news from the provider adds. News may come twice, late and in any order:
    /// only what leads on from here counts.
    ///
    /// A hold on a payment that was settled as free without ever having had a charge is no
    /// old news: a request that was thought dead has arrived after all.
    pub fn learn(&self, news: &News) -> Vec<Event> {
        let authorized = Event::Authorized { reference: news.reference.clone() };
        let undone = match news.standing {
            Standing::Undone { taken: true } => vec![Event::Captured, Event::Refunded],
            _ => vec![Event::Voided],
        };
        let late = self.funds == Funds::Free && self.reference.is_none();
        match (self.funds, &news.standing) {
            (_, Standing::Pending | Standing::Unknown(_)) => Vec::new(),
            (Funds::Asked, Standing::Declined(reason)) => {
                vec![Event::Declined { reason: *reason }]
            }
            (Funds::Asked, standing) | (Funds::Free, standing) if late || self.is_asked() => {
                match standing {
                    Standing::Held => vec![authorized],
                    Standing::Taken => vec![authorized, Event::Captured],
                    Standing::Undone { .. } => [vec![authorized], undone].concat(),
                    _ => Vec::new(),
                }
            }
            (Funds::Held, Standing::Taken) => vec![Event::Captured],
            (Funds::Held, Standing::Undone { .. }) => undone,
            (Funds::Taken, Standing::Undone { .. }) => vec![Event::Refunded],
            _ => Vec::new(),
        }
    }

    fn is_asked(&self) -> bool {
        self.funds == Funds::Asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Standing; 6] = [
        Standing::Pending,
        Standing::Held,
        Standing::Taken,
        Standing::Undone { taken: true },
        Standing::Undone { taken: false },
        Standing::Declined(Decline::Card),
    ];

    fn asked() -> Payment {
        let mut payment = Payment::new("pay_1");
        payment.apply(&Event::AuthorizationAsked {
            order_id: "ord_1".to_owned(),
            amount: Money::new(500, "EUR"),
            method: "tok".to_owned(),
        });
        payment
    }

    fn learn(payment: &mut Payment, standing: &Standing) -> Vec<Event> {
        let news = News { reference: "r".to_owned(), standing: standing.clone() };
        let events = payment.learn(&news);
        events.iter().for_each(|event| payment.apply(event));
        events
    }

    /// Captures minus refunds: what the books say we have.
    fn booked(events: &[Event]) -> i32 {
        let worth = |event: &Event| match event {
            Event::Captured => 1,
            Event::Refunded => -1,
            _ => 0,
        };
        events.iter().map(worth).sum()
    }

    #[test]
    fn news_in_any_order_never_books_money_twice() {
        // Every sequence of up to five pieces of news.
        for code in 0..ALL.len().pow(5) {
            let mut payment = asked();
            let mut events = Vec::new();
            for digit in 0..5 {
                let standing = &ALL[code / ALL.len().pow(digit) % ALL.len()];
                events.extend(learn(&mut payment, standing));
                let expected = i32::from(payment.funds == Funds::Taken);
                assert_eq!(booked(&events), expected, "{code}: {events:?}");
            }
            assert!(events.iter().filter(|it| **it == Event::Captured).count() <= 1, "{code}");
        }
    }

    /// So a webhook's delivery need not be remembered if it brought nothing.
    #[test]
    fn news_that_changes_nothing_now_changes_nothing_later() {
        let order_id = || "ord_1".to_owned();
        let effect = |payment: &Payment, standing: &Standing| {
            let news = News { reference: "r".to_owned(), standing: standing.clone() };
            payment.learn(&news)
        };
        // What can happen to a payment: each piece of news, and what we do ourselves.
        let steps = ALL.len() + 2;
        for code in 0..steps.pow(5) {
            let mut payment = asked();
            let mut idle = Vec::new();
            for digit in 0..5 {
                for standing in &idle {
                    assert_eq!(effect(&payment, standing), [], "{code}: {standing:?}");
                }
                idle = ALL.iter().filter(|it| effect(&payment, it).is_empty()).cloned().collect();
                match (code / steps.pow(digit) % steps).checked_sub(ALL.len()) {
                    None => {
                        let standing = &ALL[code / steps.pow(digit) % steps];
                        learn(&mut payment, standing);
                    }
                    Some(0) if !payment.barred => {
                        payment.apply(&Event::CancelAsked { order_id: order_id() });
                    }
                    Some(1) if payment.funds == Funds::Asked => payment.apply(&Event::Voided),
                    Some(_) => {}
                }
            }
        }
    }

    #[test]
    fn a_late_hold_of_a_payment_that_was_settled_as_free_is_noticed() {
        let mut payment = asked();
        payment.apply(&Event::CancelAsked { order_id: "ord_1".to_owned() });
        payment.apply(&Event::Voided);
        assert!(!payment.must_be_undone());
        assert_eq!(learn(&mut payment, &Standing::Held).len(), 1);
        assert!(payment.must_be_undone());
        learn(&mut payment, &Standing::Undone { taken: false });
        assert_eq!(payment.funds, Funds::Free);
        assert!(learn(&mut payment, &Standing::Held).is_empty(), "now it is old news");
    }

    #[test]
    fn a_state_nobody_knows_changes_nothing() {
        let mut payment = asked();
        assert!(learn(&mut payment, &Standing::Unknown("disputed".to_owned())).is_empty());
        assert_eq!(payment.status(), Status::Unknown);
    }
}
