//! The interfaces of Spin 1: `fermyon:spin` without a version.
//!
//! They are thin translations of what later versions offer.

mod bindings;
mod config;
mod gzip;
mod http;
mod key_value;
mod llm;
mod mysql;
mod postgres;
mod redirects;
mod redis;
mod sqlite;

use super::{Capability, State};
use bindings::fermyon::spin;
use wasmtime::component::{HasSelf, Linker};

pub(super) const CAPABILITY: Capability = Capability {
    // The two interfaces of types have no functions, so there is nothing to define for them.
    offered: &[
        "fermyon:spin/config",
        "fermyon:spin/http",
        "fermyon:spin/http-types",
        "fermyon:spin/key-value",
        "fermyon:spin/redis-types",
    ],
    governed: &[
        ("fermyon:spin/config", "variables"),
        ("fermyon:spin/http", "allowed_outbound_hosts"),
    ],
    add_to_linker,
};

/// The types that the interfaces of database servers share have no functions.
impl spin::rdbms_types::Host for State {}

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    spin::config::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    spin::http::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    spin::llm::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    spin::key_value::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    spin::mysql::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    spin::postgres::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    spin::redis::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    spin::sqlite::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}
