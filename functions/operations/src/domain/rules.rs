//! The rules, one function each, which returns the violations of its rule.

mod events;
mod inventory;
mod messages;
mod orders;
mod payments;
mod projection;
mod shipping;

use super::Violation;
use super::view::View;

/// Finds the violations of one rule.
pub(super) type Rule = fn(&View<'_>) -> Vec<Violation>;

/// All rules, the most important first.
pub(super) const RULES: &[Rule] = &[
    orders::faulty,
    orders::parked,
    orders::parked_long,
    orders::unfinished,
    payments::ledger_unbalanced,
    payments::ledger_differs,
    payments::provider_differs,
    payments::statement_without_order,
    payments::charge_differs,
    payments::money_held,
    payments::payment_unknown,
    payments::payment_without_order,
    inventory::stock_unbalanced,
    inventory::stock_negative,
    inventory::claims_differ,
    inventory::reservation_overdue,
    inventory::reservation_not_committed,
    inventory::reservation_lingers,
    inventory::sold_differs,
    shipping::shipments_missing,
    shipping::shipments_differ,
    shipping::shipments_of_dead_order,
    shipping::shipments_without_order,
    shipping::return_unsettled,
    messages::message_doubled,
    messages::message_missing,
    messages::message_unfinished,
    events::order_not_in_log,
    events::event_without_order,
    events::order_differs_from_log,
    events::sequence_gap,
    events::sequence_behind,
    events::outbox_not_empty,
    events::subscription_lag,
    events::dead_letter,
    projection::order_missing,
    projection::order_differs,
    projection::without_order,
];
