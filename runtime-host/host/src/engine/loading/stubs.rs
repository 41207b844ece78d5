//! Functions that stand for imports that a component does not get.

use super::snapshots;
use wasmtime::component::types::{self, ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};

/// What a stub does: gets the interface, the function, its type, and the results to set.
type Respond = fn(&str, &str, &ComponentFunc, &mut [Val]) -> wasmtime::Result<()>;

/// The resources of an interface that a component does not get. There never is one.
struct Unavailable;

/// Defines all functions of the interfaces that `code` imports and that `wanted` selects.
pub(super) fn define<T: Send + 'static>(
    linker: &mut Linker<T>,
    code: &Component,
    wanted: impl Fn(&str) -> bool,
    respond: Respond,
) -> anyhow::Result<()> {
    let engine = linker.engine().clone();
    // An interface repeats the resources that it uses of others; those are defined there.
    let mut known = Vec::new();
    for (name, import) in code.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else { continue };
        if wanted(name) {
            let stubs = Stubs { interface: name, respond };
            stubs.define(&mut linker.instance(name)?, &instance, &engine, known.clone());
        }
        known.extend(instance.exports(&engine).filter_map(|(_, item)| match item.ty {
            ComponentItem::Resource(resource) => Some(resource),
            _ => None,
        }));
    }
    Ok(())
}

/// Whether an interface belongs to the platform: WASI or Spin. Others are those of components.
pub(crate) fn is_of_platform(import: &str) -> bool {
    ["wasi:", "spin:", "fermyon:"].iter().any(|namespace| import.starts_with(namespace))
}

/// Defines what `code` imports of the platform and `linker` lacks: each call is a trap that names
/// the function. SDKs import more than an application calls.
///
/// `offered` says whether the host has the interface; then only functions can be missing, such as
/// those of a later version.
pub(crate) fn trap_unknown<T: Send + 'static>(
    linker: &mut Linker<T>,
    code: &Component,
    offered: fn(&str) -> bool,
) -> anyhow::Result<()> {
    // Another version of an interface is found by wasmtime, but only as long as it is not defined.
    let wanted =
        |name: &str| is_of_platform(name) && (!offered(name) || !snapshots::is_other_version(name));
    define(linker, code, wanted, |interface, function, _, _| {
        Err(wasmtime::format_err!(
            "it called `{function}` of `{interface}`, which this host does not offer"
        ))
    })
}

/// The stubs of one interface.
struct Stubs<'a> {
    interface: &'a str,
    respond: Respond,
}

impl Stubs<'_> {
    /// Defines what is not defined yet. `known` are the resources of other interfaces: another name
    /// of one of them is not a new resource.
    fn define<T: Send + 'static>(
        &self,
        linker: &mut LinkerInstance<'_, T>,
        instance: &types::ComponentInstance,
        engine: &wasmtime::Engine,
        mut known: Vec<ResourceType>,
    ) {
        for (name, item) in instance.exports(engine) {
            // The one error is that the name is defined.
            let _ = match item.ty {
                ComponentItem::Resource(resource) if !known.contains(&resource) => {
                    known.push(resource);
                    linker.resource(name, ResourceType::host::<Unavailable>(), |_, _| Ok(()))
                }
                ComponentItem::ComponentFunc(function) => self.function(linker, name, &function),
                _ => Ok(()),
            };
        }
    }

    fn function<T: Send + 'static>(
        &self,
        linker: &mut LinkerInstance<'_, T>,
        name: &str,
        function: &ComponentFunc,
    ) -> wasmtime::Result<()> {
        let (interface, shown, respond) =
            (self.interface.to_owned(), name.to_owned(), self.respond);
        if function.async_() {
            return linker.func_new_concurrent(name, move |_, function, _, results| {
                let response = respond(&interface, &shown, &function, results);
                Box::pin(async move { response })
            });
        }
        linker.func_new(name, move |_, function, _, results| {
            respond(&interface, &shown, &function, results)
        })
    }
}
