//! Whether the contract of one component fits another one, by the types of the component model and
//! without a compilation.

use super::compose::{add, fits};
use std::collections::HashSet;
use wac_graph::CompositionGraph;
use wac_graph::types::{ItemKind, SubtypeChecker, WorldId, are_semver_compatible};

/// Two components, whose types can be compared.
pub(crate) struct Contracts {
    graph: CompositionGraph,
    before: WorldId,
    now: WorldId,
}

/// An import or export that does not fit, and why.
pub(crate) type Misfit = (String, String);

impl Contracts {
    /// Reads the contracts of two components.
    pub(crate) fn read(before: (&str, Vec<u8>), now: (&str, Vec<u8>)) -> anyhow::Result<Self> {
        let mut graph = CompositionGraph::new();
        let (before, _) = add(&mut graph, "before", before.0, before.1)?;
        let (now, _) = add(&mut graph, "now", now.0, now.1)?;
        Ok(Self { graph, before, now })
    }

    /// What the first one exports and the second one does not, or with other types.
    pub(crate) fn lost_exports(&self) -> Vec<Misfit> {
        let exports = self.exports(self.before);
        exports.iter().filter_map(|(name, wanted)| self.compare(name, *wanted)).collect()
    }

    /// What the first one imports under the name of a dependency, and the second one does not export,
    /// or with other types.
    pub(crate) fn unserved_imports(&self, dependency: &str) -> Vec<Misfit> {
        let imports = &self.graph.types()[self.before].imports;
        let covered = imports.iter().filter(|(name, _)| fits(dependency, name));
        covered.filter_map(|(name, wanted)| self.compare(name, *wanted)).collect()
    }

    /// What only the second one imports.
    pub(crate) fn new_imports(&self) -> Vec<String> {
        let types = self.graph.types();
        let before = &types[self.before].imports;
        let is_known = |name: &str| {
            before.contains_key(name) || before.keys().any(|one| are_semver_compatible(one, name))
        };
        types[self.now].imports.keys().filter(|name| !is_known(name)).cloned().collect()
    }

    fn exports(&self, world: WorldId) -> Vec<(String, ItemKind)> {
        let exports = &self.graph.types()[world].exports;
        exports.iter().map(|(name, item)| (name.clone(), *item)).collect()
    }

    /// Why the second one does not export what is wanted; none if it does.
    fn compare(&self, name: &str, wanted: ItemKind) -> Option<Misfit> {
        let exports = self.exports(self.now);
        let same = exports.iter().find(|(export, _)| export == name);
        let found =
            same.or_else(|| exports.iter().find(|(export, _)| are_semver_compatible(export, name)));
        let Some((_, offered)) = found else {
            return Some((name.to_owned(), "it is no longer exported".to_owned()));
        };
        let (types, mut cache) = (self.graph.types(), HashSet::default());
        let compared = SubtypeChecker::new(&mut cache).is_subtype(*offered, types, wanted, types);
        compared.err().map(|error| (name.to_owned(), format!("{error:#}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporting(function: &str) -> Vec<u8> {
        let wat = format!(
            r#"(component
              (import "a:b/used" (instance $used (export "f" (func {function}))))
              (export "a:b/offered@1.0.0" (instance $used)))"#
        );
        wat::parse_str(wat).unwrap()
    }

    fn lost(before: &str, now: &str) -> Vec<Misfit> {
        let (before, now) = (exporting(before), exporting(now));
        Contracts::read(("before", before), ("now", now)).unwrap().lost_exports()
    }

    #[test]
    fn an_export_must_keep_its_types() {
        let function = "(param \"a\" u32) (result string)";
        assert_eq!(lost(function, function), []);
        let other = lost(function, "(param \"a\" u64) (result string)");
        let [(name, reason)] = &other[..] else { panic!("{other:?}") };
        assert_eq!(name, "a:b/offered@1.0.0");
        assert!(reason.contains("u32") && reason.contains("u64"), "{reason}");
    }

    #[test]
    fn callers_and_new_imports_are_found() {
        let caller = wat::parse_str(
            r#"(component (import "a:b/offered@1.0.0" (instance (export "f" (func)))))"#,
        );
        let caller = caller.unwrap();
        let callee = exporting("(param \"a\" u32)");
        let contracts = Contracts::read(("caller", caller.clone()), ("callee", callee)).unwrap();
        assert_eq!(contracts.unserved_imports("a:b")[0].0, "a:b/offered@1.0.0");
        assert_eq!(contracts.unserved_imports("c:d"), []);
        assert_eq!(contracts.new_imports(), ["a:b/used"]);
        let fitting = Contracts::read(("caller", caller), ("callee", exporting(""))).unwrap();
        assert_eq!(fitting.unserved_imports("a:b/offered"), []);
    }
}
