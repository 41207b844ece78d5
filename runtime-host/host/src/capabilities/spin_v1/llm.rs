//! `fermyon:spin/llm` without a version.

use crate::capabilities::State;
use crate::capabilities::llm::{Embedded, Fault, Inferred, Parameters, convert};

convert!(super::bindings::fermyon::spin::llm);
