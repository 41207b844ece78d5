//! The handlers of Redis messages: `spin:redis/inbound-redis@3`, and `fermyon:spin/inbound-redis`
//! without a version, which has been the same since Spin 1.

use crate::engine::Engine;
use std::fmt;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, Lift, TypedFunc};

/// The interface of older components.
const UNVERSIONED: &str = "fermyon:spin/inbound-redis";
/// The beginning of the name of the current interface.
const VERSION_3: &str = "spin:redis/inbound-redis@3.";
/// The function of both.
const FUNCTION: &str = "handle-message";

/// The handler that a component exports.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RedisExport {
    Unversioned(ComponentExportIndex),
    Version3(ComponentExportIndex),
    /// Both of them. It is not clear which one is meant.
    Several,
}

/// The error of older components.
#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "only guests make them")]
pub(crate) enum UnversionedError {
    #[component(name = "success")]
    Success,
    #[component(name = "error")]
    Error,
}

/// The error of current components.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Error {
    #[component(name = "invalid-address")]
    InvalidAddress,
    #[component(name = "too-many-connections")]
    TooManyConnections,
    #[component(name = "type-error")]
    Type,
    #[component(name = "other")]
    Other(String),
}

impl fmt::Display for UnversionedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidAddress => "invalid-address",
            Self::TooManyConnections => "too-many-connections",
            Self::Type => "type-error",
            Self::Other(text) => text,
        })
    }
}

pub(crate) type UnversionedHandler = TypedFunc<(Vec<u8>,), (Result<(), UnversionedError>,)>;
pub(crate) type Handler = TypedFunc<(Vec<u8>,), (Result<(), Error>,)>;

impl RedisExport {
    pub(super) fn of(engine: &Engine, code: &Component) -> Option<Self> {
        let ty = code.component_type();
        let exports: Vec<&str> = ty.exports(&engine.wasm).map(|(name, _)| name).collect();
        let function = |wanted: &dyn Fn(&str) -> bool| {
            let name = exports.iter().find(|name| wanted(name))?;
            let interface = code.get_export_index(None, *name)?;
            code.get_export_index(Some(&interface), FUNCTION)
        };
        let unversioned = function(&|name| name == UNVERSIONED);
        let version_3 = function(&|name| name.starts_with(VERSION_3));
        match (unversioned, version_3) {
            (None, None) => None,
            (Some(index), None) => Some(Self::Unversioned(index)),
            (None, Some(index)) => Some(Self::Version3(index)),
            (Some(_), Some(_)) => Some(Self::Several),
        }
    }
}
