//! Adds components to a manifest. What is there keeps its comments and its form.

use anyhow::{Context as _, bail, ensure};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

/// The manifest `text` with the tables of `addition`, which come last.
///
/// # Errors
/// What `text` has already, or has in a form that tables can't be added to.
pub(super) fn with(text: &str, addition: &str) -> anyhow::Result<String> {
    let mut document: DocumentMut = text.parse().context("spin.toml can't be read")?;
    let version = document.get("spin_manifest_version").and_then(Item::as_integer);
    ensure!(
        version == Some(2),
        "spin.toml has version 1 of the format: write `spin_manifest_version = 2`, with \
         `[component.<id>]` and `[[trigger.http]]`"
    );
    let mut addition: DocumentMut = addition.parse().context("the template can't be read")?;
    // Comments at the end of the manifest stay before what is added.
    let ending = document.trailing().as_str().unwrap_or_default().to_owned();
    let distance = 1 + last_position(document.as_table());
    // The root has no header.
    let first = inner(addition.as_table()).filter_map(first_position).min();
    move_inner_down(addition.as_table_mut(), distance, first, &ending);
    document.set_trailing(addition.trailing().clone());
    merge(document.as_table_mut(), addition.as_table().clone(), "", false)?;
    Ok(document.to_string())
}

/// The position of the last table.
fn last_position(table: &Table) -> isize {
    let own = table.position().unwrap_or(0);
    inner(table).map(last_position).max().map_or(own, |last| last.max(own))
}

/// The position of the first table with a header.
fn first_position(table: &Table) -> Option<isize> {
    let own = if has_header(table) { table.position() } else { None };
    own.into_iter().chain(inner(table).filter_map(first_position)).min()
}

/// Moves tables by `distance` positions, and puts `before` in front of the one at `first`.
fn move_down(table: &mut Table, distance: isize, first: Option<isize>, before: &str) {
    let position = table.position();
    if has_header(table) && position == first {
        let own = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
        let prefix = format!("{before}{own}");
        table.decor_mut().set_prefix(prefix);
    }
    table.set_position(position.map(|position| position + distance));
    move_inner_down(table, distance, first, before);
}

fn move_inner_down(table: &mut Table, distance: isize, first: Option<isize>, before: &str) {
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(table) => move_down(table, distance, first, before),
            Item::ArrayOfTables(tables) => {
                tables.iter_mut().for_each(|table| move_down(table, distance, first, before));
            }
            Item::None | Item::Value(_) => {}
        }
    }
}

fn has_header(table: &Table) -> bool {
    !table.is_implicit() && !table.is_dotted()
}

/// The tables in a table.
fn inner(table: &Table) -> impl Iterator<Item = &Table> {
    table.iter().flat_map(|(_, item)| -> Box<dyn Iterator<Item = &Table>> {
        match item {
            Item::Table(table) => Box::new(std::iter::once(table)),
            Item::ArrayOfTables(tables) => Box::new(tables.iter()),
            Item::None | Item::Value(_) => Box::new(std::iter::empty()),
        }
    })
}

/// Adds the entries of `source` to `target`, which is at `path` in the manifest, and may be an inline
/// table.
fn merge(
    target: &mut dyn TableLike,
    source: Table,
    path: &str,
    is_inline: bool,
) -> anyhow::Result<()> {
    for (key, item) in source {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (target.get_mut(&key), item) {
            (None, item) => {
                target.insert(&key, if is_inline { inline(item) } else { item });
            }
            (Some(Item::ArrayOfTables(present)), Item::ArrayOfTables(tables)) => {
                tables.into_iter().for_each(|table| present.push(table));
            }
            (Some(Item::Value(Value::Array(present))), Item::ArrayOfTables(tables)) => {
                tables.into_iter().for_each(|table| present.push(table.into_inline_table()));
            }
            (Some(present), Item::Table(table)) if path == "component" || path == "trigger" => {
                let is_inline = present.is_inline_table();
                match present.as_table_like_mut() {
                    Some(present) => merge(present, table, &path, is_inline)?,
                    None => bail!("`{path}` in spin.toml is not a table"),
                }
            }
            (Some(_), _) => match path.strip_prefix("component.") {
                Some(id) => bail!("spin.toml has a component `{id}` already: choose another name"),
                None => bail!("`{path}` in spin.toml has a form that nothing can be added to"),
            },
        }
    }
    Ok(())
}

/// An entry in the form that inline tables have.
fn inline(item: Item) -> Item {
    match item {
        Item::Table(table) => Item::Value(table.into_inline_table().into()),
        Item::ArrayOfTables(tables) => Item::Value(tables.into_array().into()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ADDITION: &str = "\n# New.\n[[trigger.http]]\nroute = \"/new\"\ncomponent = \"new\"\n\n\
        [component.new]\nsource = \"new.wasm\"\n\n[component.new.build]\ncommand = \"make\" # now\n";

    /// The manifest with a component more, and that its beginning is unchanged.
    fn extended(text: &str) -> String {
        let text = format!("spin_manifest_version = 2\n[application]\nname = \"x\"\n{text}");
        let result = with(&text, ADDITION).unwrap();
        assert_eq!(result, format!("{text}{ADDITION}"));
        result
    }

    #[test]
    fn tables_come_last_and_everything_else_is_unchanged() {
        extended("");
        extended("# one\n[component.a] # two\nsource   = 'a.wasm'\n");
        extended(
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"a\"\n\n[component.a]\n\
             source = \"a.wasm\"\n[component.a.build]\ncommand = \"b\"\n# The end.\n",
        );
        extended(
            "[component.a]\nsource = \"a\"\n[[trigger.http]]\nroute = \"/b\"\ncomponent = \"a\"\n",
        );
        extended("[component]\na.source = \"a\"\n");
        extended("[trigger.redis]\naddress = \"x\"\n[component]\na = { source = \"a\" }\n");
    }

    #[test]
    fn inline_forms_are_extended() {
        let text = "spin_manifest_version = 2\ntrigger.http = [{ route = \"/a\", component = \"a\" }]\n\
                    component = { a = { source = \"a\" } }\n[application]\nname = \"x\"\n";
        let document: DocumentMut = with(text, ADDITION).unwrap().parse().unwrap();
        assert_eq!(document["trigger"]["http"][1]["route"].as_str(), Some("/new"));
        assert_eq!(document["component"]["new"]["build"]["command"].as_str(), Some("make"));
        assert_eq!(document["component"]["a"]["source"].as_str(), Some("a"));
    }

    #[test]
    fn what_is_there_is_not_replaced() {
        for (text, reason) in [
            ("spin_manifest_version = 2\n[component.new]\n", "a component `new` already"),
            ("spin_manifest_version = 2\ncomponent = 1\n", "`component` in spin.toml"),
            ("spin_manifest_version = \"1\"\n[[component]]\n", "version 1"),
            ("spin_version = \"1\"\n", "version 1"),
            ("[", "can't be read"),
        ] {
            let error = format!("{:#}", with(text, ADDITION).unwrap_err());
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
