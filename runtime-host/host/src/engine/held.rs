//! What the host keeps for a guest outside of the guest's own memory.
//!
//! Requests, header fields, streams and the like live in tables of the host, and the guest has
//! handles. The number of handles is limited; what is behind them is looked at when the guest has
//! computed for a while, which it must to make many or large ones.

use http::HeaderMap;
use std::any::Any;
use wasmtime::Store;
use wasmtime_wasi::ResourceTable;
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};
use wasmtime_wasi_http::p2::types::{HostOutgoingRequest, HostOutgoingResponse};
use wasmtime_wasi_http::{FieldMap, p3};

/// Handles of things that the host keeps for one instance.
pub(super) const HANDLES_MAX: usize = 1_024;
/// Handles of all kinds that one instance may have, also those of its own resources.
const COMPONENT_HANDLES_MAX: usize = 16_384;
/// Tasks, streams and futures of the component model that one instance may have.
const CONCURRENT_MAX: usize = 8_192;
/// What a guest may hand over in one call of the host: the largest batch of a store, and its keys.
const HOST_CALL_MAX_BYTES: usize = 40 << 20;
/// What the fields of one message may take.
pub(super) const FIELDS_MAX_BYTES: usize = 128 << 10;
/// What any handle takes.
const HANDLE_BYTES: usize = 512;
/// Fields that are looked at one by one. More of them count as much as there may be.
const FIELDS_LOOKED_AT_MAX: usize = 64;

/// Limit what the host has to keep and to copy.
pub(super) fn limit<T>(store: &mut Store<T>) {
    store.set_hostcall_fuel(HOST_CALL_MAX_BYTES);
    store.set_max_component_handles(COMPONENT_HANDLES_MAX);
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(CONCURRENT_MAX);
    }
}

/// A table of handles for one instance.
pub(super) fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES_MAX);
    table
}

/// What the things in the table take, roughly.
pub(super) fn bytes(table: &mut ResourceTable) -> usize {
    table.iter_mut().map(|thing| HANDLE_BYTES + behind(thing)).sum()
}

fn behind(thing: &(dyn Any + Send)) -> usize {
    if let Some(map) = thing.downcast_ref::<FieldMap>() {
        return fields(map);
    }
    if let Some(request) = thing.downcast_ref::<p3::Request>() {
        let authority = request.authority.as_ref().map_or(0, |authority| authority.as_str().len());
        let path = request.path_with_query.as_ref().map_or(0, |path| path.as_str().len());
        return request.method.as_str().len() + authority + path + fields(&request.headers);
    }
    if let Some(response) = thing.downcast_ref::<p3::Response>() {
        return fields(&response.headers);
    }
    if let Some(request) = thing.downcast_ref::<HostOutgoingRequest>() {
        let method = match &request.method {
            Method::Other(method) => Some(method),
            _ => None,
        };
        let scheme = match &request.scheme {
            Some(Scheme::Other(scheme)) => Some(scheme),
            _ => None,
        };
        let (authority, path) = (request.authority.as_ref(), request.path_with_query.as_ref());
        let texts = [method, scheme, authority, path].into_iter().flatten();
        return texts.map(String::len).sum::<usize>() + fields(&request.headers);
    }
    if let Some(response) = thing.downcast_ref::<HostOutgoingResponse>() {
        return fields(&response.headers);
    }
    0
}

fn fields(map: &HeaderMap) -> usize {
    if map.len() > FIELDS_LOOKED_AT_MAX {
        return FIELDS_MAX_BYTES;
    }
    map.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_charged_by_their_size() {
        let mut table = table();
        let mut map = FieldMap::new_mutable(1 << 20);
        append(&mut map, "name", &"x".repeat(1_000));
        for _ in 0..10 {
            table.push(map.clone()).unwrap();
        }
        assert_eq!(bytes(&mut table), 10 * (HANDLE_BYTES + 1_004));
        for n in 0..=FIELDS_LOOKED_AT_MAX {
            append(&mut map, &format!("x-{n}"), "y");
        }
        table.push(map).unwrap();
        assert_eq!(bytes(&mut table), 11 * HANDLE_BYTES + 10 * 1_004 + FIELDS_MAX_BYTES);
    }

    fn append(map: &mut FieldMap, name: &str, value: &str) {
        let name = http::HeaderName::try_from(name).unwrap();
        map.append_raw(name, value.parse().unwrap()).unwrap();
    }

    #[test]
    fn a_table_has_an_end() {
        let mut table = table();
        for n in 0..HANDLES_MAX {
            table.push(n).unwrap();
        }
        assert!(table.push(0_usize).is_err());
    }
}
