//! Manifests and their results: each `cases/<name>.toml` has a `<name>.txt` beside it with the
//! report of its problems, or, for cases named `ok-…`, with its warnings and the application.
//! A first line `# profile: <name>` chooses a build profile. `UPDATE_GOLDEN=1` rewrites the results;
//! read the diff.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};
use tessera_manifest::{Code, Errors, parse_with_profile, warnings};
use tessera_strict_toml::Code as _;

const REPORT_WIDTH: usize = 100;

/// The only function that uses the API.
fn result(text: &str) -> Result<String, Errors> {
    let profile = text.lines().next().and_then(|line| line.strip_prefix("# profile: "));
    let app = parse_with_profile(Path::new("/app/spin.toml"), text, profile)?;
    let warnings = app.origin.errors(warnings(&app));
    let warnings = warnings.as_ref().map(render).unwrap_or_default();
    Ok(format!("{warnings}{app:#?}\n"))
}

fn render(errors: &Errors) -> String {
    let mut report = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(REPORT_WIDTH)
        .render_report(&mut report, errors)
        .unwrap();
    let lines: Vec<_> = report.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

fn cases(extension: &str) -> BTreeSet<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|found| found == extension)).collect()
}

fn name(case: &Path) -> &str {
    case.file_stem().unwrap().to_str().unwrap()
}

#[test]
fn every_manifest_has_its_result() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for case in cases("toml") {
        let text = fs::read_to_string(&case).unwrap();
        let result = result(&text);
        let should_pass = name(&case).starts_with("ok-");
        if result.is_ok() != should_pass {
            wrong.push(format!("{}: passes: {}", name(&case), result.is_ok()));
        }
        let result = result.unwrap_or_else(|errors| render(&errors));
        let golden = case.with_extension("txt");
        if update {
            fs::write(&golden, &result).unwrap();
        } else if fs::read_to_string(&golden).ok().as_ref() != Some(&result) {
            wrong.push(format!("{} differs from its .txt; now:\n{result}", name(&case)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_result_has_its_manifest() {
    let orphans: Vec<_> =
        cases("txt").into_iter().filter(|txt| !txt.with_extension("toml").exists()).collect();
    assert!(orphans.is_empty(), "{orphans:?}");
}

/// A code without a case would be a message that was never reviewed.
#[test]
fn every_code_is_shown_by_a_case() {
    let results: String =
        cases("txt").iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    // These two need a file system: see `disk.rs`.
    let elsewhere = [Code::Unreadable, Code::MissingFile];
    let unseen = |code: &&Code| !results.contains(&format!("{code}\n"));
    let unseen: Vec<_> =
        Code::ALL.iter().filter(unseen).filter(|code| !elsewhere.contains(code)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}
