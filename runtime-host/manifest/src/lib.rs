//! The manifest: reads `spin.toml` into an [`App`] that is valid by construction.
//!
//! The rest of the host never checks a manifest again: a route in an [`App`] parses, a component
//! that is named there exists, and links form no cycle. What the text alone cannot show, whether
//! files exist, is a separate step: [`check_files`].
//!
//! Stock Spin reads the same file, in both of its versions. So every Tessera-specific key is in a
//! `tool.tessera` table, which Spin ignores ([`keys`]), and everything else is read as strictly as
//! Spin does: an unknown key is an error, with a guess at what was meant. What Spin accepts is
//! accepted here, with the same meaning; what is most likely a mistake, or would have no effect, is
//! a warning ([`warnings`]). An application with `[application.tool.tessera]` has stricter rules:
//! one component for each store, and one trigger for each request.
//!
//! There is one file per table under `parse/` and one per rule across tables under `check/`.

pub mod app;
mod bare;
mod check;
mod code;
mod cron;
mod files;
pub mod hosts;
pub mod keys;
mod names;
mod origin;
mod parse;
mod path;
mod pattern_error;
mod portability;
mod reader;
mod restart;
pub mod routes;
pub mod template;
mod unsupported;

use std::path::Path;

pub use app::*;
pub use bare::without_manifest;
pub use cron::CronSchedule;
pub use files::check_files;
pub use keys::limits::{LimitValues, Limits};
pub use keys::policy::{Breaker, Cache, Concurrency, DEFAULT_POLICY, Hedge, Retry};
pub use origin::{Origin, Version};
pub use pattern_error::PatternError;
pub use reader::{Code, Errors, Label, Problem, Span};
pub use restart::needs_restart;

use reader::Problems;
use tessera_strict_toml::Document;

/// The file name of the manifest in an application's directory.
pub const FILE_NAME: &str = "spin.toml";

/// Maximum size of a manifest.
pub const TEXT_LENGTH_MAX_BYTES: usize = 1024 * 1024;

/// Maximum number of components of an application. Rules that follow references recurse this deep.
pub const COMPONENTS_MAX: usize = 1000;

/// Reads the text of a manifest. Accesses no files: relative paths are joined to the directory of
/// `path`, which should be absolute, and `..` is resolved lexically.
///
/// # Errors
/// All problems at once. Only invalid TOML and an unknown version stop early.
pub fn parse(path: &Path, text: &str) -> Result<App, Errors> {
    parse_with_profile(path, text, None)
}

/// Like [`parse()`], with a build profile: what components have in `profile.<name>` replaces what
/// they have without it.
///
/// # Errors
/// Those of [`parse()`], and a profile that no component has.
pub fn parse_with_profile(path: &Path, text: &str, profile: Option<&str>) -> Result<App, Errors> {
    let problems = Problems::default();
    let app = read(path, text, profile, &problems);
    let warnings = problems.take_warnings();
    problems.into_result(path, text)?;
    let unread = || Problem::new(Code::Unreadable, "the manifest cannot be read");
    let mut app = app.ok_or_else(|| Errors::new(path, text, vec![unread()]))?;
    app.origin.warnings = warnings;
    Ok(app)
}

fn read(path: &Path, text: &str, profile: Option<&str>, problems: &Problems) -> Option<App> {
    if text.len() > TEXT_LENGTH_MAX_BYTES {
        let message = format!("the manifest is longer than {TEXT_LENGTH_MAX_BYTES} bytes");
        problems.push(Problem::new(Code::Unreadable, message));
        return None;
    }
    let document = Document::parse(text, problems)?;
    let origin = Origin::new(path, text, document.spans(), profile);
    let app = parse::manifest(&document.root(problems), path::folder(path), origin)?;
    check::all(&app, problems);
    Some(app)
}

/// Reads the manifest at `path`; for a directory, the file [`FILE_NAME`] in it.
///
/// # Errors
/// Those of [`parse()`], and a file that does not exist or cannot be read.
pub fn load(path: &Path) -> Result<App, Errors> {
    load_with_profile(path, None)
}

/// Like [`load`], with a build profile, as in [`parse_with_profile`].
///
/// # Errors
/// Those of [`load`], and a profile that no component has.
pub fn load_with_profile(path: &Path, profile: Option<&str>) -> Result<App, Errors> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = if path.is_dir() { path.join(FILE_NAME) } else { path };
    match std::fs::read_to_string(&path) {
        Ok(text) => parse_with_profile(&path, &text, profile),
        Err(error) => Err(Errors::new(&path, "", vec![unreadable(&path, &error)])),
    }
}

/// Warnings about what stock Spin refuses or interprets differently, and about what this host does
/// not support. Empty if the manifest means the same on both.
///
/// [`Origin::errors`] joins the warnings with the text that they point into.
pub fn warnings(app: &App) -> Vec<Problem> {
    let mut warnings = app.origin.warnings.clone();
    warnings.extend(portability::check(app));
    warnings.extend(unsupported::check(app));
    warnings
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let path = path.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            Problem::new(Code::Unreadable, format!("there is no manifest at {path}"))
                .hint("specify the application's directory or its spin.toml")
        }
        std::io::ErrorKind::InvalidData => {
            Problem::new(Code::Unreadable, format!("{path} is not a text file"))
                .hint("a manifest is a TOML file, encoded as UTF-8")
        }
        _ => Problem::new(Code::Unreadable, format!("{path} cannot be read: {error}"))
            .hint("check the file's permissions"),
    }
}
