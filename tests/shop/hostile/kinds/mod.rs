//! The kinds of hostile clients, and how the shop has to react to each.

mod bodiless_answers;
mod event_streams;
pub(crate) mod forged_webhooks;
mod guest_carts;
mod half_prefaces;
mod huge_fields;
mod idle_connections;
mod made_up_positions;
mod odd_methods;
mod slow_bodies;
mod unread_answers;
pub(crate) mod wrong_passwords;

use super::{Seen, Visitor};
use fastrand::Rng;

/// Statuses of an overloaded shop for any request.
const BUSY: [u16; 3] = [429, 503, 504];

/// A kind of hostile clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    BodilessAnswers,
    EventStreams,
    ForgedWebhooks,
    GuestCarts,
    HalfPrefaces,
    HugeFields,
    IdleConnections,
    MadeUpPositions,
    OddMethods,
    SlowBodies,
    UnreadAnswers,
    WrongPasswords,
}

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::BodilessAnswers,
        Self::EventStreams,
        Self::ForgedWebhooks,
        Self::GuestCarts,
        Self::HalfPrefaces,
        Self::HugeFields,
        Self::IdleConnections,
        Self::MadeUpPositions,
        Self::OddMethods,
        Self::SlowBodies,
        Self::UnreadAnswers,
        Self::WrongPasswords,
    ];

    /// One visit, to its end.
    pub(super) async fn visit(self, visitor: &Visitor, rng: &mut Rng) -> Seen {
        match self {
            Self::BodilessAnswers => bodiless_answers::visit(visitor).await,
            Self::EventStreams => event_streams::visit(visitor).await,
            Self::ForgedWebhooks => forged_webhooks::visit(visitor, rng).await,
            Self::GuestCarts => guest_carts::visit(visitor).await,
            Self::HalfPrefaces => half_prefaces::visit(visitor).await,
            Self::HugeFields => huge_fields::visit(visitor).await,
            Self::IdleConnections => idle_connections::visit(visitor).await,
            Self::MadeUpPositions => made_up_positions::visit(visitor).await,
            Self::OddMethods => odd_methods::visit(visitor).await,
            Self::SlowBodies => slow_bodies::visit(visitor).await,
            Self::UnreadAnswers => unread_answers::visit(visitor).await,
            Self::WrongPasswords => wrong_passwords::visit(visitor).await,
        }
    }

    /// The statuses that such a client may get; the first one stops it. None if the connection is
    /// closed.
    fn answers(self) -> &'static [u16] {
        match self {
            Self::HalfPrefaces | Self::IdleConnections | Self::UnreadAnswers => &[],
            // These are valid requests: the first status is the hardest to get right.
            Self::BodilessAnswers => &[304, 200, 404],
            // 204: the order is already final.
            Self::EventStreams => &[429, 200, 204],
            // 204: the shop has asked the provider.
            Self::ForgedWebhooks => &[401, 204, 404],
            Self::GuestCarts => &[429, 201],
            Self::HugeFields => &[431],
            Self::MadeUpPositions => &[503],
            Self::OddMethods => &[405],
            Self::SlowBodies => &[408],
            Self::WrongPasswords => &[401],
        }
    }

    /// Whether the shop has stopped a client.
    pub(super) fn is_stopped(self, seen: &Seen) -> bool {
        match self.answers().first() {
            Some(status) => seen.answers.contains_key(status),
            None => seen.cut > 0,
        }
    }

    /// Reactions to such a client that are wrong.
    pub(super) fn faults(self, seen: &Seen) -> Vec<String> {
        let expected = |status: &u16| self.answers().contains(status) || BUSY.contains(status);
        let odd = seen.answers.iter().filter(|(status, _)| !expected(status));
        let odd = odd.map(|(status, count)| format!("{self:?}: {count} answers {status}"));
        odd.chain(seen.faults.iter().map(|fault| format!("{self:?}: {fault}"))).collect()
    }
}
