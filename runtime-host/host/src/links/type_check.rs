//! Compares the types of both sides of a link.
//!
//! wasmtime checks an import against the definition in the linker, but that of a link is dynamic:
//! a mismatch would only appear when a value is passed. So both sides are compared once, when they
//! are linked.

use anyhow::{Context as _, ensure};
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem, Type};

/// Fails unless the callee offers each wanted function with the same type.
pub(super) fn compare(
    engine: &Engine,
    interface: &str,
    wanted: &ComponentInstance,
    offered: &ComponentInstance,
) -> anyhow::Result<()> {
    for (name, item) in wanted.exports(engine) {
        let ComponentItem::ComponentFunc(wanted) = item.ty else { continue };
        let found = offered.get_export(engine, name).map(|found| found.ty);
        let Some(ComponentItem::ComponentFunc(offered)) = found else {
            anyhow::bail!("{interface} has no function `{name}`");
        };
        compare_functions(&wanted, &offered).with_context(|| format!("{interface}#{name}"))?;
    }
    Ok(())
}

fn compare_functions(wanted: &ComponentFunc, offered: &ComponentFunc) -> anyhow::Result<()> {
    ensure!(wanted.params().len() == offered.params().len(), "takes other parameters");
    for ((name, wanted), (_, offered)) in wanted.params().zip(offered.params()) {
        compare_types(&wanted, &offered).with_context(|| format!("parameter `{name}`"))?;
    }
    ensure!(wanted.results().len() == offered.results().len(), "returns something else");
    for (wanted, offered) in wanted.results().zip(offered.results()) {
        compare_types(&wanted, &offered).context("result")?;
    }
    Ok(())
}

fn compare_types(wanted: &Type, offered: &Type) -> anyhow::Result<()> {
    match (wanted, offered) {
        (Type::Record(w), Type::Record(o)) => {
            ensure!(w.fields().len() == o.fields().len(), "a record with other fields");
            for (w, o) in w.fields().zip(o.fields()) {
                ensure!(w.name == o.name, "field `{}` against `{}`", w.name, o.name);
                compare_types(&w.ty, &o.ty).with_context(|| format!("field `{}`", w.name))?;
            }
            Ok(())
        }
        (Type::Variant(w), Type::Variant(o)) => {
            ensure!(w.cases().len() == o.cases().len(), "a variant with other cases");
            for (w, o) in w.cases().zip(o.cases()) {
                ensure!(w.name == o.name, "case `{}` against `{}`", w.name, o.name);
                compare_optional(w.ty.as_ref(), o.ty.as_ref())
                    .with_context(|| format!("case `{}`", w.name))?;
            }
            Ok(())
        }
        (Type::Enum(w), Type::Enum(o)) => {
            ensure!(w.names().eq(o.names()), "an enum with other names");
            Ok(())
        }
        (Type::Flags(w), Type::Flags(o)) => {
            ensure!(w.names().eq(o.names()), "flags with other names");
            Ok(())
        }
        (Type::List(w), Type::List(o)) => compare_types(&w.ty(), &o.ty()),
        (Type::Option(w), Type::Option(o)) => compare_types(&w.ty(), &o.ty()),
        (Type::Tuple(w), Type::Tuple(o)) => {
            ensure!(w.types().len() == o.types().len(), "a tuple of another length");
            w.types().zip(o.types()).try_for_each(|(w, o)| compare_types(&w, &o))
        }
        (Type::Result(w), Type::Result(o)) => {
            compare_optional(w.ok().as_ref(), o.ok().as_ref())?;
            compare_optional(w.err().as_ref(), o.err().as_ref())
        }
        (
            Type::Own(_) | Type::Borrow(_) | Type::Stream(_) | Type::Future(_) | Type::ErrorContext,
            _,
        ) => {
            anyhow::bail!("only plain data crosses a live link, no resources or streams")
        }
        (wanted, offered) => {
            ensure!(wanted == offered, "{wanted:?} against {offered:?}");
            Ok(())
        }
    }
}

fn compare_optional(wanted: Option<&Type>, offered: Option<&Type>) -> anyhow::Result<()> {
    match (wanted, offered) {
        (Some(wanted), Some(offered)) => compare_types(wanted, offered),
        (None, None) => Ok(()),
        _ => anyhow::bail!("a payload on one side only"),
    }
}
