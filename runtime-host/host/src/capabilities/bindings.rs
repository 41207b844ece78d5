//! Types and traits made from the interfaces in `wit/`.
//!
//! One world for all of them, so that resources of the host are named once, here.

wasmtime::component::bindgen!({
    path: "wit",
    world: "tessera:host/capabilities",
    imports: { default: async | trappable },
    with: {
        "fermyon:spin/key-value.store": super::key_value::Handle,
        "fermyon:spin/sqlite.connection": super::sqlite::SqliteConnection,
        "spin:key-value/key-value.store": super::key_value::Handle,
        "spin:sqlite/sqlite.connection": super::sqlite::SqliteConnection,
        "wasi:keyvalue/store.bucket": super::key_value::Handle,
        "wasi:keyvalue/atomics.cas": super::key_value::Swap,
    },
});
