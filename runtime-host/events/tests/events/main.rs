//! The log and the delivery, as their users see them.
