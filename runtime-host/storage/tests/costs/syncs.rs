//! The syncs of this process.

#![expect(unsafe_code, reason = "it stands in for functions of the C library")]

use std::{
    ffi::c_int,
    os::fd::BorrowedFd,
    sync::atomic::{AtomicU64, Ordering},
};

static SYNCS: AtomicU64 = AtomicU64::new(0);

/// How often anything was synced, so far.
pub(crate) fn count() -> u64 {
    SYNCS.load(Ordering::SeqCst)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(file: c_int) -> c_int {
    // SAFETY: as for the function that it stands in for: the caller has the file open.
    counted(rustix::fs::fdatasync(unsafe { BorrowedFd::borrow_raw(file) }))
}

#[unsafe(no_mangle)]
extern "C" fn fsync(file: c_int) -> c_int {
    // SAFETY: as above.
    counted(rustix::fs::fsync(unsafe { BorrowedFd::borrow_raw(file) }))
}

fn counted(synced: rustix::io::Result<()>) -> c_int {
    SYNCS.fetch_add(1, Ordering::SeqCst);
    if synced.is_ok() { 0 } else { -1 }
}
