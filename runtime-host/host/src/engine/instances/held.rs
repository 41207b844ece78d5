//! Host memory that is held for a guest, outside of the guest's own memory.
//!
//! Requests, header fields, streams and similar resources are in tables of the host, and the guest
//! has handles. The number of handles is limited. Their size is checked at epoch ticks while the
//! guest computes; creating many or large ones takes that long. The arguments of pending calls of
//! the host are in no table, so they are counted separately.

use http::HeaderMap;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wasmtime::Store;
use wasmtime::component::Val;
use wasmtime_wasi::ResourceTable;
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostIncomingResponse, HostOutgoingRequest, HostOutgoingResponse,
};
use wasmtime_wasi_http::{FieldMap, p3};

/// Handles of host resources in one instance. Components in JavaScript need one for each 8 KiB of a
/// body that they read, because they do not drop what they have waited for.
const HANDLES_MAX: usize = 100_000;
/// Handles of all kinds in one instance, including those of its own resources.
const COMPONENT_HANDLES_MAX: usize = 120_000;
/// Tasks of the component model, and ends of streams and futures, in one instance. A stream has two
/// ends and counts as a third entry.
const CONCURRENT_MAX: usize = 8_192;
/// The maximum data of one call of the host: the largest batch of a store, and its keys.
const HOST_CALL_MAX_BYTES: usize = 40 << 20;
/// The maximum size of the fields of one message.
pub(crate) const FIELDS_MAX_BYTES: usize = 128 << 10;
/// The size of any handle.
const HANDLE_BYTES: usize = 512;
/// Handles that are measured at each tick. If there are more, ticks are left out in proportion, so that
/// measuring takes no larger share of the time.
const MEASURED_PER_TICK: usize = 4_096;
/// Up to this number, fields are measured one by one. More of them are charged with the maximum.
const FIELDS_LOOKED_AT_MAX: usize = 64;

/// Limits what the host has to hold and copy.
pub(crate) fn limit<T>(store: &mut Store<T>) {
    store.set_hostcall_fuel(HOST_CALL_MAX_BYTES);
    store.set_max_component_handles(COMPONENT_HANDLES_MAX);
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(CONCURRENT_MAX);
    }
}

/// A table of handles for one instance.
pub(crate) fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES_MAX);
    table
}

/// Which table is full, for the error message.
pub(crate) fn which_is_full(table: &mut ResourceTable) -> String {
    if table.iter_mut().count() >= HANDLES_MAX {
        format!("it holds more than {HANDLES_MAX} handles of the host")
    } else {
        format!("it has more than {CONCURRENT_MAX} tasks and ends of streams and futures")
    }
}

/// The size of the arguments of an instance's pending calls. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<AtomicUsize>);

/// The arguments of one call, counted until they are dropped.
#[derive(Debug)]
pub(crate) struct Arguments {
    bytes: usize,
    all: InFlight,
}

impl InFlight {
    /// Counts the arguments of a call.
    pub(crate) fn count(&self, bytes: usize) -> Arguments {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Arguments { bytes, all: self.clone() }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Arguments {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The size of the resources in a table, as it was measured last.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: usize,
    /// Ticks until the next measurement.
    pause: usize,
}

impl Held {
    /// The approximate size of the resources in the table, at a tick.
    pub(crate) fn bytes(&mut self, table: &mut ResourceTable) -> usize {
        if let Some(pause) = self.pause.checked_sub(1) {
            self.pause = pause;
            return self.bytes;
        }
        let sizes = table.iter_mut().map(|thing| HANDLE_BYTES + behind(thing));
        let (count, bytes) = sizes.fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes));
        *self = Self { bytes, pause: count / MEASURED_PER_TICK };
        bytes
    }
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
    if let Some(response) = thing.downcast_ref::<HostIncomingResponse>() {
        return fields(&response.headers);
    }
    match thing.downcast_ref::<HostFutureIncomingResponse>() {
        Some(HostFutureIncomingResponse::Ready(Ok((response, _)))) => fields(response.headers()),
        _ => 0,
    }
}

/// The approximate size of the fields of a message.
pub(crate) fn fields(map: &HeaderMap) -> usize {
    if map.len() > FIELDS_LOOKED_AT_MAX {
        return FIELDS_MAX_BYTES;
    }
    map.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// The approximate size of values of the component model.
pub(crate) fn values(values: &[Val]) -> usize {
    values.iter().map(value).sum()
}

fn value(value: &Val) -> usize {
    let optional = |inner: &Option<Box<Val>>| inner.as_deref().map_or(0, self::value);
    let behind: usize = match value {
        Val::String(text) | Val::Enum(text) => text.len(),
        Val::List(all) | Val::Tuple(all) | Val::FixedLengthList(all) => values(all),
        Val::Map(pairs) => pairs.iter().map(|(key, of)| self::value(key) + self::value(of)).sum(),
        Val::Record(all) => all.iter().map(|(name, of)| name.len() + self::value(of)).sum(),
        Val::Variant(case, inner) => case.len() + optional(inner),
        Val::Option(inner) | Val::Result(Ok(inner) | Err(inner)) => optional(inner),
        Val::Flags(names) => names.iter().map(|name| size_of::<String>() + name.len()).sum(),
        _ => 0,
    };
    size_of::<Val>() + behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_counted_until_they_are_dropped() {
        let all = InFlight::default();
        let one = all.count(100);
        let other = all.clone().count(20);
        assert_eq!(all.bytes(), 120);
        drop(one);
        assert_eq!(all.bytes(), 20);
        drop(other);
        assert_eq!(all.bytes(), 0);
    }

    #[test]
    fn values_are_charged_with_their_nested_values() {
        let own = size_of::<Val>();
        let text = Val::String("x".repeat(1_000));
        assert_eq!(values(&[Val::U8(1), text.clone()]), 2 * own + 1_000);
        let some = Val::Option(Some(Box::new(text)));
        let record = Val::Record(vec![("name".to_owned(), some)]);
        assert_eq!(values(&[Val::List(vec![record])]), 4 * own + 4 + 1_000);
    }

    #[test]
    fn the_full_table_is_named() {
        let mut table = table();
        assert!(which_is_full(&mut table).contains("more than 8192 tasks"));
        for n in 0..HANDLES_MAX {
            table.push(n).unwrap();
        }
        assert!(which_is_full(&mut table).contains("more than 100000 handles"));
    }

    #[test]
    fn fields_are_charged_by_their_size() {
        let mut table = table();
        let mut map = FieldMap::new_mutable(1 << 20);
        append(&mut map, "name", &"x".repeat(1_000));
        for _ in 0..10 {
            table.push(map.clone()).unwrap();
        }
        assert_eq!(Held::default().bytes(&mut table), 10 * (HANDLE_BYTES + 1_004));
        for n in 0..=FIELDS_LOOKED_AT_MAX {
            append(&mut map, &format!("x-{n}"), "y");
        }
        table.push(map).unwrap();
        assert_eq!(
            Held::default().bytes(&mut table),
            11 * HANDLE_BYTES + 10 * 1_004 + FIELDS_MAX_BYTES
        );
    }

    #[test]
    fn a_large_table_is_measured_less_often() {
        let (mut table, mut held) = (table(), Held::default());
        let mut is_measured = |table: &mut ResourceTable| {
            let before = held.bytes;
            table.push(0_usize).unwrap();
            held.bytes(table) != before
        };
        assert!(is_measured(&mut table) && is_measured(&mut table));
        for _ in 0..2 * MEASURED_PER_TICK {
            table.push(0_usize).unwrap();
        }
        let measured: Vec<bool> = (0..6).map(|_| is_measured(&mut table)).collect();
        assert_eq!(measured, [true, false, false, true, false, false]);
    }

    fn append(map: &mut FieldMap, name: &str, value: &str) {
        let name = http::HeaderName::try_from(name).unwrap();
        map.append_raw(name, value.parse().unwrap()).unwrap();
    }

    #[test]
    fn a_table_is_bounded() {
        let mut table = table();
        for n in 0..HANDLES_MAX {
            table.push(n).unwrap();
        }
        assert!(table.push(0_usize).is_err());
    }
}
