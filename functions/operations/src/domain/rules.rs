//! The rules, one function each, which reports the violations of its rule.

mod events;
mod inventory;
mod messages;
mod orders;
mod payments;
mod projection;
mod shipping;

use super::Violation;
use super::view::View;

/// Reports the violations of one rule.
pub(super) type Rule = fn(&View<'_>, &mut Report);

/// All rules with their names, the most important first.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("order-faulty", orders::faulty),
    ("order-parked", orders::parked),
    ("order-parked-long", orders::parked_long),
    ("order-unfinished", orders::unfinished),
    ("ledger-unbalanced", payments::ledger_unbalanced),
    ("ledger-differs", payments::ledger_differs),
    ("provider-differs", payments::provider_differs),
    ("statement-without-order", payments::statement_without_order),
    ("charge-differs", payments::charge_differs),
    ("money-held", payments::money_held),
    ("payment-unknown", payments::payment_unknown),
    ("payment-without-order", payments::payment_without_order),
    ("stock-unbalanced", inventory::stock_unbalanced),
    ("stock-negative", inventory::stock_negative),
    ("claims-differ", inventory::claims_differ),
    ("reservation-overdue", inventory::reservation_overdue),
    ("reservation-not-committed", inventory::reservation_not_committed),
    ("reservation-lingers", inventory::reservation_lingers),
    ("sold-differs", inventory::sold_differs),
    ("shipments-missing", shipping::shipments_missing),
    ("shipments-differ", shipping::shipments_differ),
    ("shipments-of-dead-order", shipping::shipments_of_dead_order),
    ("shipments-without-order", shipping::shipments_without_order),
    ("return-unsettled", shipping::return_unsettled),
    ("message-doubled", messages::message_doubled),
    ("message-missing", messages::message_missing),
    ("message-unfinished", messages::message_unfinished),
    ("order-not-in-log", events::order_not_in_log),
    ("event-without-order", events::event_without_order),
    ("order-differs-from-log", events::order_differs_from_log),
    ("sequence-gap", events::sequence_gap),
    ("sequence-behind", events::sequence_behind),
    ("outbox-not-empty", events::outbox_not_empty),
    ("subscription-lag", events::subscription_lag),
    ("dead-letter", events::dead_letter),
    ("projection-missing", projection::order_missing),
    ("projection-differs", projection::order_differs),
    ("projection-without-order", projection::without_order),
];

/// The index of a rule in the list.
pub(super) fn rank(rule: &str) -> usize {
    RULES.iter().position(|(name, _)| *name == rule).unwrap_or(RULES.len())
}

/// The violations of all rules so far.
#[derive(Default)]
pub(super) struct Report {
    rule: &'static str,
    violations: Vec<Violation>,
}

impl Report {
    /// Evaluates all rules.
    pub(super) fn of(view: &View<'_>) -> Vec<Violation> {
        let mut report = Report::default();
        for (name, rule) in RULES {
            report.rule = name;
            rule(view, &mut report);
        }
        report.violations
    }

    /// Adds a violation of the current rule.
    fn add<'a>(&mut self, detail: impl Into<String>, ids: impl IntoIterator<Item = &'a String>) {
        let ids = ids.into_iter().cloned().collect();
        self.violations.push(Violation { rule: self.rule.into(), detail: detail.into(), ids });
    }
}
