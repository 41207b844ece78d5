//! The engines against their contract, and each against what only it promises.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cache;
mod compatibility;
mod crash;
mod durability;
mod faults;
mod groups;
mod harness;
mod history;
mod locks;
mod memory;
#[cfg(target_os = "linux")]
mod power;
mod redis;

/// The contract, kept by the engine on disk.
mod embedded {
    use tessera_storage::{Stores, embedded::Options};

    use crate::harness::Folder;

    tessera_storage::contract_tests!({
        let folder = Folder::new();
        let engine = folder.open(Options::default());
        (engine.open("test").await.unwrap(), (engine, folder))
    });

    tessera_storage::expiry_tests!({
        let folder = Folder::new();
        let engine = std::sync::Arc::new(folder.open(Options::default()));
        let store = engine.open("test").await.unwrap();
        (engine, store, folder)
    });
}
