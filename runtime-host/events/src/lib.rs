//! Durable events: a log, its subscriptions, and delivery at least once, in order for each key.
