//! `fermyon:spin/llm@2.0.0`.

use super::interface::{Embedded, Fault, Inferred, Parameters, convert};
use crate::capabilities::State;

convert!(crate::capabilities::bindings::fermyon::spin::llm);
