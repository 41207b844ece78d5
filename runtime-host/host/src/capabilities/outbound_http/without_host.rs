//! Requests of WASI 0.3 without a host, which mean the application itself.
//!
//! The library would refuse them, because a URI with a scheme needs a host. Those of WASI 0.2 need
//! nothing like this: their host can be empty.

use http::uri::Authority;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::bindings::http::client;
use wasmtime_wasi_http::p3::bindings::http::types::{ErrorCode, Request, Response};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView, WasiHttpView};

/// A name of the application itself.
const ITSELF: &str = "self";

struct Client;

impl HasData for Client {
    type Data<'a> = WasiHttpCtxView<'a>;
}

impl<T> client::HostWithStore<T> for Client {
    async fn send(
        store: &Accessor<T, Self>,
        request: Resource<Request>,
    ) -> Result<Resource<Response>, TrappableError<ErrorCode>> {
        store.with(|mut access| {
            // A handle of nothing is refused by the library.
            if let Ok(request) = access.get().table.get_mut(&request) {
                request.authority.get_or_insert_with(|| Authority::from_static(ITSELF));
            }
        });
        let library = store.with_getter::<WasiHttp>(store.getter());
        <WasiHttp as client::HostWithStore<T>>::send(&library, request).await
    }
}

pub(super) fn add_to_linker<T: WasiHttpView + 'static>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    client::add_to_linker::<_, Client>(linker, T::http)
}
