//! What else a customer may like: learned from the events of orders.
