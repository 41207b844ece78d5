//! The tables of ARCHITECTURE.md that say what modules may use.

use std::path::Path;

/// A module, and what it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its path in the crate.
    pub(crate) module: Vec<String>,
    /// Other modules of the table, as paths with `/`.
    pub(crate) may_use: Vec<String>,
    /// Crates and modules.
    pub(crate) must_not_know: Vec<String>,
}

impl Row {
    /// Its path, with `/`.
    pub(crate) fn name(&self) -> String {
        self.module.join("/")
    }

    /// Whether a path is that of the module, or inside of it.
    pub(crate) fn contains(&self, path: &[String]) -> bool {
        path.starts_with(&self.module)
    }
}

/// The rows of the table whose first column has this name.
pub(crate) fn read(text: &str, first_column: &str) -> Vec<Row> {
    let mut lines = text.lines();
    let Some(header) = lines.by_ref().map(cells).find(|cells| cells.first() == Some(&first_column))
    else {
        return Vec::new();
    };
    let column = |name: &str| header.iter().position(|cell| *cell == name);
    let (may_use, must_not_know) = (column("may use"), column("must not know"));
    // The next line is the rule below the header.
    let rows = lines.skip(1).map(cells).take_while(|cells| cells.len() == header.len());
    let names = |cells: &[&str], index: Option<usize>| {
        index.and_then(|index| cells.get(index)).map_or(vec![], |cell| quoted(cell))
    };
    rows.flat_map(|cells| {
        let (may_use, must_not_know) = (names(&cells, may_use), names(&cells, must_not_know));
        let modules = cells.first().map_or(vec![], |cell| quoted(cell));
        modules.into_iter().map(move |name| Row {
            module: module(&name),
            may_use: may_use.clone(),
            must_not_know: must_not_know.clone(),
        })
    })
    .collect()
}

/// The cells of a row; none if the line is not one.
fn cells(line: &str) -> Vec<&str> {
    let row = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    row.map_or(vec![], |row| row.split('|').map(str::trim).collect())
}

/// The names in a cell: everything between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches('/').to_owned()).collect()
}

/// `calls/` and `registry.rs` are modules of a crate.
fn module(name: &str) -> Vec<String> {
    let name = name.strip_suffix(".rs").unwrap_or(name);
    name.split('/').map(ToOwned::to_owned).collect()
}

/// The module of a file, relative to the crate's root. The root itself has no segments.
pub(crate) fn module_of(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let mut segments: Vec<String> =
        path.iter().map(|segment| segment.to_string_lossy().into_owned()).collect();
    segments.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
| other | table |
|---|---|
| `x` | y |

| module | is | may use | must not know |
|---|---|---|---|
| `calls/` | the `call` layer | `telemetry`, `background` | `wasmtime` |
| `engine/loading`, `registry.rs` | – | – | – |

Text.
";

    fn row(module: &[&str], may_use: &[&str], must_not_know: &[&str]) -> Row {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Row { module: owned(module), may_use: owned(may_use), must_not_know: owned(must_not_know) }
    }

    #[test]
    fn a_table_is_found_by_its_first_column() {
        let expected = [
            row(&["calls"], &["telemetry", "background"], &["wasmtime"]),
            row(&["engine", "loading"], &[], &[]),
            row(&["registry"], &[], &[]),
        ];
        assert_eq!(read(TEXT, "module"), expected);
        assert!(read(TEXT, "layer").is_empty());
    }

    #[test]
    fn files_are_modules() {
        let module = |file: &str| module_of(Path::new(file)).join("::");
        assert_eq!(module("calls/mod.rs"), "calls");
        assert_eq!(module("calls/reply.rs"), "calls::reply");
        assert_eq!(module("registry.rs"), "registry");
        assert_eq!(module("main.rs"), "");
    }
}
