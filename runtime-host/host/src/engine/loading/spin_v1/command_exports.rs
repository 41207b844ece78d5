//! The exports of modules that were linked as commands without `_start`.
//!
//! Earlier versions of Rust linked libraries for WASI in this way: each exported function first
//! runs the constructors of the C library, and at last the destructors. The constructors read the
//! environment. The function that allocates memory must not do that: it is called while arguments
//! are passed, when a component can't call its imports. The exported handler still runs them.

use std::ops::Range;
use wasmparser::{
    CompositeInnerType, ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef,
};

/// The calls that the linker added to a function.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Added {
    /// Where the body of the function is in the module.
    body: Range<u64>,
    /// The called functions.
    calls: Vec<u32>,
}

impl Added {
    /// What the linker added to the export `name`, found by comparison with the export `other`.
    pub(super) fn to(bytes: &[u8], name: &str, other: &str) -> anyhow::Result<Option<Self>> {
        let module = Functions::read(bytes)?;
        let (Some(body), Some(other)) = (module.exported(name), module.exported(other)) else {
            return Ok(None);
        };
        let (operators, others) = (operators(body)?, operators(other)?);
        let plain_call = |operator: &Operator<'_>| match operator {
            Operator::Call { function_index } if module.is_plain(*function_index) => {
                Some(*function_index)
            }
            _ => None,
        };
        // An optimizer may have put the constructors in place of the function that calls them.
        let mut calls: Vec<_> = operators
            .iter()
            .zip(&others)
            .map_while(|(one, other)| {
                plain_call(one).filter(|call| plain_call(other) == Some(*call))
            })
            .collect();
        if calls.is_empty() {
            return Ok(None);
        }
        let after_constructors = &others[calls.len()..];
        calls.extend(after_constructors.iter().rev().skip(1).map_while(plain_call));
        Ok(Some(Self { body: body.range(), calls }))
    }

    pub(super) fn is_in(&self, body: &FunctionBody<'_>) -> bool {
        self.body == body.range()
    }

    pub(super) fn contains(&self, operator: &Operator<'_>) -> bool {
        matches!(operator, Operator::Call { function_index } if self.calls.contains(function_index))
    }
}

pub(super) fn operators<'a>(body: &FunctionBody<'a>) -> wasmparser::Result<Vec<Operator<'a>>> {
    body.get_operators_reader()?.into_iter().collect()
}

/// The functions of a module.
#[derive(Default)]
struct Functions<'a> {
    /// Of each type, whether it is that of a function without parameters and results.
    plain_types: Vec<bool>,
    /// The types of all functions, imported ones first.
    types: Vec<u32>,
    imported: usize,
    bodies: Vec<FunctionBody<'a>>,
    exports: Vec<(&'a str, u32)>,
}

impl<'a> Functions<'a> {
    fn read(bytes: &'a [u8]) -> wasmparser::Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        module.plain_types.extend(group?.into_types().map(|ty| {
                            match ty.composite_type.inner {
                                CompositeInnerType::Func(ty) => {
                                    ty.params().is_empty() && ty.results().is_empty()
                                }
                                _ => false,
                            }
                        }));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if let TypeRef::Func(ty) = import?.ty {
                            module.types.push(ty);
                        }
                    }
                    module.imported = module.types.len();
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        module.types.push(ty?);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            module.exports.push((export.name, export.index));
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => module.bodies.push(body),
                _ => {}
            }
        }
        Ok(module)
    }

    fn exported(&self, name: &str) -> Option<&FunctionBody<'a>> {
        let (_, index) = self.exports.iter().find(|(export, _)| *export == name)?;
        self.bodies.get(usize::try_from(*index).ok()?.checked_sub(self.imported)?)
    }

    /// Whether a function has no parameters and no results.
    fn is_plain(&self, function: u32) -> bool {
        let at = |index: u32| usize::try_from(index).ok();
        let ty = at(function).and_then(|index| self.types.get(index));
        let plain = ty.and_then(|ty| self.plain_types.get(at(*ty)?));
        plain.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAPPED: &str = "call $constructors local.get 0 call $inner call $destructors";

    /// The calls added to the function `realloc`, next to a function `free`.
    fn added(realloc: &str, free: &str) -> Option<Vec<u32>> {
        let text = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
                (func $constructors)
                (func $destructors)
                (func $inner (param i32) (result i32) i32.const 0)
                (func $depth (result i32) i32.const 0)
                (func $more)
                (func (export "free") (param i32) {free})
                (func (export "realloc") (param i32) (result i32) {realloc}))"#
        );
        let module = wat::parse_str(text).unwrap();
        Added::to(&module, "realloc", "free").unwrap().map(|added| added.calls)
    }

    #[test]
    fn the_calls_that_all_exports_share_are_those_of_the_linker() {
        assert_eq!(added(WRAPPED, "call $constructors call $destructors"), Some(vec![1, 2]));
        assert_eq!(added(WRAPPED, "call $constructors nop"), Some(vec![1]));
        let inlined = |rest: &str| format!("call $constructors call $more {rest}");
        let free = inlined("call $destructors");
        assert_eq!(added(&inlined("local.get 0 call $inner"), &free), Some(vec![1, 5, 2]));
    }

    #[test]
    fn other_calls_are_not() {
        assert_eq!(added(WRAPPED, "nop call $destructors"), None);
        assert_eq!(added("i32.const 0", "call $constructors call $destructors"), None);
        assert_eq!(added("call $depth", "call $depth drop nop"), None);
    }
}
