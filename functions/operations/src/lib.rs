//! What operators see of the business as a whole: its invariants, its events.
