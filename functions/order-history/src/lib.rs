//! What customers have ordered, shaped for reading: a projection of the events of orders.
