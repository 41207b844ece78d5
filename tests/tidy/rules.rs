//! Compares the paths of a source text with a table.

use crate::references::{Reference, references};
use crate::table::Row;

/// What a path refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// A module of the same crate, or an item in it.
    Module(Vec<String>),
    /// An item of another crate, or that crate.
    External(Vec<String>),
}

/// The use of one module by another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) user: String,
    pub(crate) used: String,
}

/// The rules of a crate.
pub(crate) struct Rules {
    pub(crate) rows: Vec<Row>,
}

impl Rules {
    /// The row of the innermost module that contains a path.
    fn row(&self, path: &[String]) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| row.contains(path));
        rows.max_by_key(|row| row.module.len())
    }

    /// The modules of the table that a source text uses, each with the line.
    pub(crate) fn uses(&self, module: &[String], source: &str) -> Vec<(usize, Use)> {
        let Some(user) = self.row(module) else { return Vec::new() };
        let used = |reference: Reference| {
            let Target::Module(path) = target(module, &reference) else { return None };
            // A module always knows those inside of it.
            let used = self.row(&path).filter(|used| !user.contains(&used.module))?;
            Some((reference.line, Use { user: user.name(), used: used.name() }))
        };
        references(source).into_iter().filter_map(used).collect()
    }

    /// Whether the table allows a use.
    pub(crate) fn allow(&self, one: &Use) -> bool {
        self.rows.iter().any(|row| row.name() == one.user && row.may_use.contains(&one.used))
    }

    /// All uses of modules that the table does not allow.
    pub(crate) fn forbidden_uses(&self, module: &[String], source: &str) -> Vec<(usize, String)> {
        let uses = self.uses(module, source).into_iter();
        uses.filter(|(_, one)| !self.allow(one))
            .map(|(line, one)| (line, format!("`{}` may not use `{}`", one.user, one.used)))
            .collect()
    }

    /// All references to crates and modules that a module must not know.
    pub(crate) fn forbidden_names(&self, module: &[String], source: &str) -> Vec<(usize, String)> {
        let rows: Vec<_> = self.rows.iter().filter(|row| row.contains(module)).collect();
        let forbidden = |reference: Reference| {
            let path = match target(module, &reference) {
                Target::External(path) => path,
                Target::Module(path) => path.into_iter().take(1).collect(),
            };
            let row =
                rows.iter().find(|row| row.must_not_know.iter().any(|one| covers(one, &path)))?;
            let name = path.join("::");
            Some((reference.line, format!("`{}` must not know `{name}`", row.name())))
        };
        references(source).into_iter().filter_map(forbidden).collect()
    }

    /// A cycle of modules that may use each other, as a list of names.
    pub(crate) fn cycle(&self) -> Option<Vec<String>> {
        self.rows.iter().find_map(|row| self.path_back(&row.name(), &mut vec![row.name()]))
    }

    fn path_back(&self, start: &str, path: &mut Vec<String>) -> Option<Vec<String>> {
        let name = path.last()?.clone();
        let row = self.rows.iter().find(|row| row.name() == name)?;
        for used in &row.may_use {
            // An inner module and the one around it are one unit.
            if name.starts_with(&format!("{used}/")) {
                continue;
            }
            if used == start {
                return Some(path.clone());
            }
            if !path.contains(used) {
                path.push(used.clone());
                if let Some(cycle) = self.path_back(start, path) {
                    return Some(cycle);
                }
                path.pop();
            }
        }
        None
    }
}

/// Whether a path is inside of the listed crate, module or path, or of a crate that belongs to it:
/// `wasmtime` covers `wasmtime_wasi`.
fn covers(listed: &str, path: &[String]) -> bool {
    if listed.contains("::") {
        let listed: Vec<&str> = listed.split("::").collect();
        return path.iter().map(String::as_str).take(listed.len()).eq(listed.iter().copied());
    }
    let rest = path.first().and_then(|name| name.strip_prefix(listed));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn target(module: &[String], reference: &Reference) -> Target {
    let mut around: Vec<String> = module.iter().chain(&reference.modules).cloned().collect();
    let mut path = reference.path.iter().peekable();
    match path.peek().map(|first| first.as_str()) {
        Some("crate") => around.clear(),
        Some("self") => {}
        Some("super") => {
            while path.next_if(|segment| *segment == "super").is_some() {
                around.pop();
            }
            around.extend(path.cloned());
            return Target::Module(around);
        }
        _ => return Target::External(reference.path.clone()),
    }
    around.extend(path.skip(1).cloned());
    Target::Module(around)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::read;

    const TABLE: &str = "
| module | may use | must not know |
|---|---|---|
| `calls/` | `telemetry` | `wasmtime`, `hyper` |
| `engine/` | `calls`, `telemetry` | `hyper` |
| `engine/loading` | – | – |
| `telemetry/` | – | – |
";

    fn rules() -> Rules {
        Rules { rows: read(TABLE, "module") }
    }

    fn module(path: &str) -> Vec<String> {
        path.split("::").map(ToOwned::to_owned).collect()
    }

    fn uses(path: &str, source: &str) -> Vec<String> {
        let found = rules().forbidden_uses(&module(path), source);
        found.into_iter().map(|(line, text)| format!("{line}: {text}")).collect()
    }

    fn names(path: &str, source: &str) -> Vec<String> {
        let found = rules().forbidden_names(&module(path), source);
        found.into_iter().map(|(line, text)| format!("{line}: {text}")).collect()
    }

    #[test]
    fn allowed_uses_are_not_reported() {
        let source =
            "use crate::telemetry::Span;\nuse super::reply::Reply;\nuse self::error::Kind;";
        assert!(uses("calls::admission", source).is_empty());
        assert!(uses("engine", "use loading::compile;\nuse crate::engine::loading::x;").is_empty());
        assert!(
            uses("calls", "// use crate::engine::State;\nlet x = \"crate::engine\";").is_empty()
        );
    }

    #[test]
    fn a_forbidden_import_is_found_in_all_forms() {
        let found = ["1: `calls` may not use `engine`"];
        for source in [
            "use crate::engine::State;",
            "pub(crate) use crate::{engine::State, telemetry::Span};",
            "use crate::engine as x;",
            "use super::super::engine::State;",
            "fn f(state: &crate::engine::State) {}",
            "mod tests { use super::super::super::engine::State; }",
        ] {
            assert_eq!(uses("calls::admission", source), found, "{source}");
        }
    }

    #[test]
    fn an_inner_module_has_its_own_rules() {
        let source = "\nuse crate::calls::Call;";
        assert!(uses("engine::state", source).is_empty());
        assert_eq!(uses("engine::loading", source), ["2: `engine/loading` may not use `calls`"]);
        let source = "use crate::engine::loading::compile;";
        assert_eq!(uses("calls", source), ["1: `calls` may not use `engine/loading`"]);
    }

    #[test]
    fn a_forbidden_crate_is_found_with_those_that_belong_to_it() {
        let source = "use wasmtime_wasi::WasiCtx;\nfn f() { hyper::body::x(); tokio::x() }";
        let found = [
            "1: `calls` must not know `wasmtime_wasi::WasiCtx`",
            "2: `calls` must not know `hyper::body::x`",
        ];
        assert_eq!(names("calls::reply", source), found);
        assert_eq!(names("engine::loading", "use ::hyper::Error;").len(), 1, "from the outer row");
        assert!(names("telemetry", source).is_empty());
        assert!(names("calls", "use hypertext::x;").is_empty());
    }

    #[test]
    fn layers_are_forbidden_by_the_names_of_modules() {
        let table = "
| layer | must not know |
|---|---|
| `domain` | `spin_sdk`, `service` |
";
        let rules = Rules { rows: read(table, "layer") };
        let source = "use crate::service::Orders;\nuse super::super::service;\nuse spin_sdk::http;";
        assert_eq!(rules.forbidden_names(&module("domain::order"), source).len(), 3);
        assert!(rules.forbidden_names(&module("routes"), source).is_empty());
    }

    #[test]
    fn a_path_can_be_forbidden() {
        let table = "
| layer | must not know |
|---|---|
| `domain` | `std::time` |
";
        let rules = Rules { rows: read(table, "layer") };
        let source = "use std::{fmt, time::SystemTime};\nfn f() { std::time::Instant::now() }";
        let lines = rules.forbidden_names(&module("domain"), source);
        assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_cycle_in_the_table_is_found() {
        assert_eq!(rules().cycle(), None);
        let mut rules = rules();
        rules.rows[3].may_use.push("engine".to_owned());
        assert!(rules.cycle().is_some());
    }
}
