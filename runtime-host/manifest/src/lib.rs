//! The manifest: `spin.toml`, version 2, as written → [`App`], valid by construction.
//!
//! The rest of the host never checks a manifest again: a route that is in an [`App`] parses,
//! a component that is named there exists, and links form no circle. What cannot be known
//! from the text alone, whether files exist, is a step of its own: [`check_files`].
//!
//! Stock Spin reads the same file. So every key of ours lives in a `tool.tessera` table,
//! which Spin ignores, and everything else is read as strictly as Spin does: an unknown
//! key is an error, with a guess at what was meant. Where this host is stricter than
//! Spin (two components with one store, two routes for the same requests), a manifest that
//! passes here still passes there. Where Spin is stricter, and where it offers more,
//! [`warnings`] says so.
//!
//! Serde would report one fault per run and lose places across tables; hence a small reader
//! over spans (`document`), one file per table under `parse/` and one per rule across tables
//! under `check/`.

pub mod app;
mod check;
mod code;
mod document;
mod files;
pub mod hosts;
mod names;
mod origin;
mod parse;
mod path;
mod portability;
mod problem;
pub mod routes;
pub mod template;
mod tree;
mod unoffered;

use std::path::Path;

pub use app::*;
pub use files::check_files;
pub use origin::Origin;
pub use problem::{Code, Errors, Label, Problem, Span};

use problem::Problems;

/// The name of the manifest in an application's folder.
pub const FILE_NAME: &str = "spin.toml";

/// Most bytes of a manifest: far above every real one, far below what would hurt.
pub const TEXT_LENGTH_MAX_BYTES: usize = 1024 * 1024;

/// Most components of an application: rules that follow references go as deep as this.
pub const COMPONENTS_MAX: usize = 1000;

/// Reads a manifest's text. Touches no file: relative paths are joined to the folder of
/// `path`, which should be absolute, and `..` is resolved by name.
///
/// # Errors
/// Everything that is wrong, at once. Only a text that is not TOML, or is not written for
/// version 2, ends the search early.
pub fn parse(path: &Path, text: &str) -> Result<App, Errors> {
    let problems = Problems::default();
    let app = read(path, text, &problems);
    problems.into_result(path, text)?;
    let unread = || Problem::new(Code::Unreadable, "the manifest cannot be read");
    app.ok_or_else(|| Errors::new(path, text, vec![unread()]))
}

fn read(path: &Path, text: &str, problems: &Problems) -> Option<App> {
    if text.len() > TEXT_LENGTH_MAX_BYTES {
        let message = format!("the manifest is longer than {TEXT_LENGTH_MAX_BYTES} bytes");
        problems.push(Problem::new(Code::Unreadable, message));
        return None;
    }
    let root = tree::parse(text).map_err(|problem| problems.push(problem)).ok()?;
    let origin = Origin::new(path, text, tree::Places::of(&root));
    let app = parse::manifest(&root, path::folder(path), origin, problems)?;
    check::all(&app, problems);
    Some(app)
}

/// Reads a manifest's file; a folder means the [`FILE_NAME`] in it.
///
/// # Errors
/// As [`parse()`], and a file that is missing or cannot be read.
pub fn load(path: &Path) -> Result<App, Errors> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = if path.is_dir() { path.join(FILE_NAME) } else { path };
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text),
        Err(error) => Err(Errors::new(&path, "", vec![unreadable(&path, &error)])),
    }
}

/// Warnings: what stock Spin refuses or interprets differently, and what this host does not
/// support. Empty if the manifest means the same on both.
///
/// The warnings point into the manifest; [`Origin::errors`] joins them with its text for a report.
pub fn warnings(app: &App) -> Vec<Problem> {
    let mut warnings = portability::check(app);
    warnings.extend(unoffered::check(app));
    warnings
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let path = path.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            Problem::new(Code::Unreadable, format!("there is no manifest at {path}"))
                .hint("name the application's folder or its spin.toml")
        }
        std::io::ErrorKind::InvalidData => {
            Problem::new(Code::Unreadable, format!("{path} is not a text file"))
                .hint("a manifest is TOML in UTF-8")
        }
        _ => Problem::new(Code::Unreadable, format!("{path} cannot be read: {error}"))
            .hint("check the file's permissions"),
    }
}
