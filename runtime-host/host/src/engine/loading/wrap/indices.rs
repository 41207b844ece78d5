//! The index spaces of a component.

use wasm_encoder::ComponentExportKind;

/// How many there are of each kind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Indices([u32; 6]);

impl Indices {
    /// The index of the next one.
    pub(super) fn next(&mut self, kind: ComponentExportKind) -> u32 {
        let [modules, functions, values, types, instances, components] = &mut self.0;
        let count = match kind {
            ComponentExportKind::Module => modules,
            ComponentExportKind::Func => functions,
            ComponentExportKind::Value => values,
            ComponentExportKind::Type => types,
            ComponentExportKind::Instance => instances,
            ComponentExportKind::Component => components,
        };
        let index = *count;
        *count += 1;
        index
    }
}
