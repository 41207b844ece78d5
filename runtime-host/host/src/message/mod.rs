//! HTTP messages of components.

mod framing;

pub(crate) use framing::{InvalidAnswer, check_length, check_status, is_bodiless, without_body};
