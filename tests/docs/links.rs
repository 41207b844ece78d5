//! Links: every page is in the table of contents, and every relative link leads somewhere.

use crate::pages::{self, Page, SUMMARY};
use harness::repository;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

#[test]
fn the_summary_lists_every_page_of_the_book() {
    let summary = Page::read(Path::new(SUMMARY));
    let listed: BTreeSet<PathBuf> =
        summary.links.iter().map(|link| Path::new("docs").join(link)).collect();
    let mut pages: BTreeSet<PathBuf> = pages::of_book().into_iter().collect();
    pages.remove(Path::new(SUMMARY));
    assert_eq!(listed, pages);
    assert_eq!(summary.links.len(), pages.len(), "a page is listed twice");
}

#[test]
fn relative_links_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for page in pages::all() {
        for link in page.links.iter().filter(|link| is_relative(link)) {
            if let Err(reason) = resolve(&page, link) {
                broken.push(format!("{}: {link}: {reason}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The built book has only its own folder.
#[test]
fn links_of_the_book_stay_in_the_book() {
    let mut outside = Vec::new();
    for page in pages::of_book().iter().map(|path| Page::read(path)) {
        for link in page.links.iter().filter(|link| is_relative(link)) {
            if !target(&page, link).starts_with("docs") {
                outside.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(outside.is_empty(), "name these files as code instead:\n{}", outside.join("\n"));
}

/// Pages name files and folders of the repository as code, for example `tests/docs/main.rs`.
#[test]
fn files_that_pages_name_exist() {
    let mut missing = Vec::new();
    // The tutorial names files of another application.
    for page in pages::all().iter().filter(|page| !page.path.ends_with("tutorial.md")) {
        for path in page.code.iter().filter(|code| is_path(code)) {
            if !repository().join(path).exists() {
                missing.push(format!("{}: {path}", page.path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// A path below a folder of the repository, without placeholders.
fn is_path(code: &str) -> bool {
    let folders = ["benches/", "docs/", "functions/", "runtime-host/", "tests/", "wit/"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    folders.iter().any(|folder| code.starts_with(folder)) && code.chars().all(plain)
}

fn is_relative(link: &str) -> bool {
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric());
    !link.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn resolve(page: &Page, link: &str) -> Result<(), &'static str> {
    let path = target(page, link);
    if !repository().join(&path).exists() {
        return Err("no such file");
    }
    match link.split_once('#') {
        Some((_, anchor)) if !Page::read(&path).has_anchor(anchor) => Err("no such heading"),
        _ => Ok(()),
    }
}

/// The file of a link, relative to the repository.
fn target(page: &Page, link: &str) -> PathBuf {
    let file = link.split('#').next().unwrap_or_default();
    if file.is_empty() {
        return page.path.clone();
    }
    let mut path = page.path.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}
