//! Types and traits made from the interfaces in `wit/`.

wasmtime::component::bindgen!({
    path: "wit/spin-v1",
    world: "fermyon:spin/offered",
    imports: { default: async | trappable },
});
