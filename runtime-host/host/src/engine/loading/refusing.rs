//! Composed components for other hosts: what a library is denied is refused by a component inside,
//! because other hosts do not define the names of [`deny`](super::deny).

mod module;

use super::compose::{add, refused};
use super::deny::NAMESPACE;
use super::names;
use anyhow::{Context as _, anyhow, bail, ensure};
use wac_graph::{CompositionGraph, EncodeOptions};
use wit_component::{
    ComponentEncoder, DecodedWasm, StringEncoding, decode, embed_component_metadata,
};

/// A component's bytes without imports that only this host defines.
pub(crate) fn refuse_denied(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let imports = names::imports(&bytes).map_err(|reason| anyhow!("{reason}"))?;
    let denied: Vec<String> =
        imports.into_iter().filter(|import| import.starts_with(NAMESPACE)).collect();
    if denied.is_empty() {
        return Ok(bytes);
    }
    let refusing = component(&bytes, &denied).context("what dependencies may not use")?;
    let mut graph = CompositionGraph::new();
    let (world, instance) = add(&mut graph, "component", "component", bytes)?;
    let (_, refusing) = add(&mut graph, "refusing", "refusing", refusing)?;
    for import in &denied {
        let node = graph.alias_instance_export(refusing, import)?;
        graph.set_instantiation_argument(instance, import, node)?;
    }
    let exports: Vec<String> = graph.types()[world].exports.keys().cloned().collect();
    for export in exports {
        let node = graph.alias_instance_export(instance, &export)?;
        graph.export(node, &export)?;
    }
    let encoded = graph.encode(EncodeOptions::default());
    Ok(encoded.map_err(|error| refused(&error))?)
}

/// A component that exports these imports of a component, and refuses each call.
fn component(bytes: &[u8], denied: &[String]) -> anyhow::Result<Vec<u8>> {
    let DecodedWasm::Component(mut resolve, _) = decode(bytes)? else { bail!("no component") };
    let exports: String = denied.iter().map(|import| format!("export {import};\n")).collect();
    let text = format!("package refusing:refusing;\nworld refusing {{\n{exports}}}\n");
    let package = resolve.push_str("refusing.wit", &text)?;
    let world = resolve.select_world(&[package], Some("refusing"))?;
    let mut module = wat::parse_str(module::of(&resolve, world))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module)?;
    let component = encoder.encode()?;
    ensure!(!component.is_empty(), "it is empty");
    Ok(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::loading::deny;
    use tessera_manifest::Inherit;
    use wasmtime::component::{Component, Linker, Val};
    use wasmtime::{Engine, Store};

    /// A component that imports functions of all kinds, and exports what they return.
    const WAT: &str = r#"(component
      (import "a:b/things" (instance $things
        (type $error-base (enum "other-case" "access-denied"))
        (export "error" (type $error (eq $error-base)))
        (export "names" (func (param "prefix" string) (result (list string))))
        (export "maybe" (func (result (option u64))))
        (export "open" (func (result (result u32 (error $error)))))
        (export "read" (func (result (result (error string)))))
      ))
      (alias export $things "names" (func $names))
      (alias export $things "maybe" (func $maybe))
      (alias export $things "open" (func $open))
      (alias export $things "read" (func $read))
      (instance $out (export "names" (func $names)) (export "maybe" (func $maybe))
        (export "open" (func $open)) (export "read" (func $read)))
      (export "names" (func $names))
      (export "maybe" (func $maybe))
      (export "read" (func $read))
    )"#;

    #[test]
    fn what_is_denied_is_refused_without_an_import() {
        let bytes = wat::parse_str(WAT).unwrap();
        let denied = deny::rename_imports(&bytes, &Inherit::Nothing, |import| {
            import.starts_with("a:b/").then_some("key")
        });
        let bytes = refuse_denied(denied.unwrap()).unwrap();
        assert_eq!(names::imports(&bytes).unwrap(), Vec::<String>::new());
        let engine = Engine::default();
        let component = Component::new(&engine, &bytes).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
        let mut call = |name: &str, arguments: &[Val]| {
            let function = instance.get_func(&mut store, name).unwrap();
            let mut results = [Val::Bool(false)];
            function.call(&mut store, arguments, &mut results).unwrap();
            let [result] = results;
            result
        };
        let long = Val::String("a".repeat(200_000));
        assert_eq!(call("names", &[long]), Val::List(Vec::new()));
        assert_eq!(call("maybe", &[]), Val::Option(None));
        let Val::Result(Err(Some(text))) = call("read", &[]) else { panic!("no error") };
        assert!(matches!(*text, Val::String(text) if text.contains("may not use")));
    }

    #[test]
    fn a_component_that_is_denied_nothing_stays_as_it_is() {
        let bytes = wat::parse_str(WAT).unwrap();
        assert_eq!(refuse_denied(bytes.clone()).unwrap(), bytes);
    }
}
