//! The handler of Spin 1: `fermyon:spin/inbound-http`, with its types.

use wasmtime::component::{ComponentType, Lift, Lower, TypedFunc};

/// The interface that the handler is a function of.
pub(in crate::engine) const INTERFACE: &str = "fermyon:spin/inbound-http";
/// The function.
pub(in crate::engine) const FUNCTION: &str = "handle-request";

pub(crate) type Fields = Vec<(String, String)>;

#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum SpinMethod {
    #[component(name = "get")]
    Get,
    #[component(name = "post")]
    Post,
    #[component(name = "put")]
    Put,
    #[component(name = "delete")]
    Delete,
    #[component(name = "patch")]
    Patch,
    #[component(name = "head")]
    Head,
    #[component(name = "options")]
    Options,
}

/// A request as the handler gets it.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct SpinRequest {
    pub(in crate::engine) method: SpinMethod,
    pub(in crate::engine) uri: String,
    pub(in crate::engine) headers: Fields,
    /// Always empty, as in stock Spin.
    pub(in crate::engine) params: Fields,
    pub(in crate::engine) body: Option<Vec<u8>>,
}

/// A response as the handler returns it.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct SpinResponse {
    pub(in crate::engine) status: u16,
    pub(in crate::engine) headers: Option<Fields>,
    pub(in crate::engine) body: Option<Vec<u8>>,
}

/// `handle-request`.
pub(crate) type Handler = TypedFunc<(SpinRequest,), (SpinResponse,)>;
