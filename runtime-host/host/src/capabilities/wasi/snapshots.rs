//! Functions of WASI 0.2 as the snapshots before its release had them.
//!
//! The engine gives imports of a snapshot the names of the release. Here are the functions that the
//! release has no more, and those whose types have changed: the latter end in `-october` and
//! `-november`, after the snapshots of 2023 that had them.

use super::http_of_october;
use crate::capabilities::State;
use crate::engine::WASI_0_2;
use std::time::Duration;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType, flags};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::clocks::WasiClocksView as _;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, Host as _, HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::io::error::HostError as _;
use wasmtime_wasi::p2::bindings::io::poll::Host as _;
use wasmtime_wasi::p2::bindings::io::streams::{
    Error as IoError, Host as _, HostInputStream, HostOutputStream as _, StreamError,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamResult};
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode as HttpErrorCode, HostFutureTrailers as _,
};
use wasmtime_wasi_http::p2::body::HostFutureTrailers;
use wasmtime_wasi_http::{FieldMap, RequestOptions, WasiHttpView as _};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    poll(&mut instance(linker, "wasi:io/poll")?)?;
    streams(&mut instance(linker, "wasi:io/streams")?)?;
    clocks(&mut instance(linker, "wasi:clocks/monotonic-clock")?)?;
    filesystem(&mut instance(linker, "wasi:filesystem/types")?)?;
    http(&mut instance(linker, "wasi:http/types")?)?;
    http_of_october::add_types(&mut instance(linker, "wasi:http/types")?)?;
    http_of_october::add_handler(&mut instance(linker, "wasi:http/outgoing-handler")?)
}

fn instance<'l>(
    linker: &'l mut Linker<State>,
    interface: &str,
) -> Result<LinkerInstance<'l, State>> {
    linker.instance(&format!("{interface}@{WASI_0_2}"))
}

fn poll(poll: &mut LinkerInstance<'_, State>) -> Result<()> {
    poll.func_wrap_async(
        "poll-list",
        |mut store: StoreContextMut<'_, State>, (list,): (Vec<Resource<DynPollable>>,)| {
            Box::new(async move { Ok((store.data_mut().table.poll(list).await?,)) })
        },
    )?;
    poll.func_wrap_async(
        "poll-one",
        |mut store: StoreContextMut<'_, State>, (one,): (Resource<DynPollable>,)| {
            Box::new(async move {
                store.data_mut().table.poll(vec![one]).await?;
                Ok(())
            })
        },
    )
}

/// A stream that a function of October took and did not give back.
type Spliced = (Resource<DynOutputStream>, Resource<DynInputStream>, u64);

fn streams(streams: &mut LinkerInstance<'_, State>) -> Result<()> {
    streams.resource("error", ResourceType::host::<IoError>(), |mut store, rep| {
        store.data_mut().table.delete(Resource::<IoError>::new_own(rep))?;
        Ok(())
    })?;
    streams.func_wrap(
        "[method]error.to-debug-string",
        |mut store: StoreContextMut<'_, State>, (error,): (Resource<IoError>,)| {
            Ok((store.data_mut().table.to_debug_string(error)?,))
        },
    )?;
    streams.func_wrap_async(
        "[method]output-stream.splice-october",
        |mut store: StoreContextMut<'_, State>, (to, from, bytes): Spliced| {
            Box::new(async move {
                let state = store.data_mut();
                let source = Resource::new_borrow(from.rep());
                let spliced = state.table.splice(to, source, bytes);
                state.finish_splice(from, spliced).await
            })
        },
    )?;
    streams.func_wrap_async(
        "[method]output-stream.blocking-splice-october",
        |mut store: StoreContextMut<'_, State>, (to, from, bytes): Spliced| {
            Box::new(async move {
                let state = store.data_mut();
                let source = Resource::new_borrow(from.rep());
                let spliced = state.table.blocking_splice(to, source, bytes).await;
                state.finish_splice(from, spliced).await
            })
        },
    )
}

impl State {
    async fn finish_splice(
        &mut self,
        from: Resource<DynInputStream>,
        spliced: StreamResult<u64>,
    ) -> Result<(std::result::Result<u64, StreamError>,)> {
        HostInputStream::drop(&mut self.table, from).await?;
        Ok((match spliced {
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(self.table.convert_stream_error(error)?),
        },))
    }
}

fn clocks(clock: &mut LinkerInstance<'_, State>) -> Result<()> {
    clock.func_wrap(
        "subscribe",
        |mut store: StoreContextMut<'_, State>, (when, absolute): (u64, bool)| {
            let mut clocks = store.data_mut().clocks();
            let pollable = if absolute {
                clocks.subscribe_instant(when)
            } else {
                clocks.subscribe_duration(when)
            };
            Ok((pollable?,))
        },
    )
}

// The permissions of a file that is created. The host sets its own.
flags! {
    Modes {
        #[component(name = "readable")]
        const READABLE;
        #[component(name = "writable")]
        const WRITABLE;
        #[component(name = "executable")]
        const EXECUTABLE;
    }
}

type Opened = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags, Modes);

fn filesystem(files: &mut LinkerInstance<'_, State>) -> Result<()> {
    files.func_wrap_async(
        "[method]descriptor.open-at-october",
        |mut store: StoreContextMut<'_, State>, (folder, flags, path, open, how, _): Opened| {
            Box::new(async move {
                let mut files = store.data_mut().filesystem();
                let opened: std::result::Result<_, ErrorCode> =
                    match files.open_at(folder, flags, path, open, how).await {
                        Ok(descriptor) => Ok(descriptor),
                        Err(error) => Err(files.convert_error_code(error)?),
                    };
                Ok((opened,))
            })
        },
    )
}

/// What a future of trailers gives: nothing yet, or none, some, or an error.
type Trailers = Option<std::result::Result<Option<Resource<FieldMap>>, HttpErrorCode>>;

fn http(types: &mut LinkerInstance<'_, State>) -> Result<()> {
    types.func_wrap(
        "[method]future-trailers.get-november",
        |mut store: StoreContextMut<'_, State>, (future,): (Resource<HostFutureTrailers>,)| {
            let trailers: Trailers = match store.data_mut().http().get(future)? {
                None => None,
                Some(Ok(trailers)) => Some(trailers),
                Some(Err(())) => wasmtime::bail!("the trailers were taken before"),
            };
            Ok((trailers,))
        },
    )?;
    timeout(types, "connect-timeout-ms", |options| &mut options.connect_timeout)?;
    timeout(types, "first-byte-timeout-ms", |options| &mut options.first_byte_timeout)?;
    timeout(types, "between-bytes-timeout-ms", |options| &mut options.between_bytes_timeout)
}

/// A timeout of a request. In spite of their names, the functions took nanoseconds.
fn timeout(
    types: &mut LinkerInstance<'_, State>,
    name: &str,
    field: fn(&mut RequestOptions) -> &mut Option<Duration>,
) -> Result<()> {
    type Options = Resource<RequestOptions>;
    types.func_wrap(
        &format!("[method]request-options.{name}"),
        move |mut store: StoreContextMut<'_, State>, (options,): (Options,)| {
            let timeout = *field(store.data_mut().table.get_mut(&options)?);
            Ok((timeout.map(|timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)),))
        },
    )?;
    types.func_wrap(
        &format!("[method]request-options.set-{name}"),
        move |mut store: StoreContextMut<'_, State>, (options, ns): (Options, Option<u64>)| {
            *field(store.data_mut().table.get_mut(&options)?) = ns.map(Duration::from_nanos);
            Ok((Ok::<(), ()>(()),))
        },
    )
}
