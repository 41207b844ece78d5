//! Glob patterns of watched files, as in the manifest.

use glob::{MatchOptions, Pattern};
use std::path::{Component, Path, PathBuf};

/// Folders that builds and tools fill. They are skipped, unless a pattern names them.
const SKIPPED: [&str; 5] = ["target", "node_modules", ".git", ".spin", ".tessera"];

/// `*` does not match slashes. A dot has no meaning of its own.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// One pattern.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    /// The path before the first wildcard, absolute.
    base: PathBuf,
    /// The whole pattern; `None` if it has no wildcard. Then it names a file, or all files of a folder.
    pattern: Option<Pattern>,
    /// How many folders below `base` a file may be.
    depth_max: usize,
}

impl Glob {
    /// A pattern relative to a folder, which is absolute.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(folder: &Path, text: &str) -> Result<Self, String> {
        let has_wildcard = |part: &str| part.contains(['*', '?', '[']);
        let is_bare = has_wildcard(text) && !text.contains('/');
        // As in `.gitignore` files, and so in Spin.
        let text = if is_bare { format!("**/{text}") } else { text.to_owned() };
        let mut base = folder.to_owned();
        let parts: Vec<Component<'_>> = Path::new(&text).components().collect();
        let is_plain = |part: &&Component<'_>| !has_wildcard(&part.as_os_str().to_string_lossy());
        let plain = parts.iter().take_while(is_plain).count();
        for part in &parts[..plain] {
            match part {
                Component::ParentDir => drop(base.pop()),
                Component::CurDir => {}
                Component::Prefix(_) | Component::RootDir | Component::Normal(_) => base.push(part),
            }
        }
        let rest = &parts[plain..];
        if rest.is_empty() {
            return Ok(Self { base, pattern: None, depth_max: usize::MAX });
        }
        let mut pattern = Pattern::escape(&base.to_string_lossy());
        for part in rest {
            pattern =
                format!("{}/{}", pattern.trim_end_matches('/'), part.as_os_str().to_string_lossy());
        }
        let is_deep = rest.iter().any(|part| part.as_os_str() == "**");
        let depth_max = if is_deep { usize::MAX } else { rest.len() - 1 };
        let pattern = Pattern::new(&pattern);
        let pattern =
            pattern.map_err(|error| format!("`{text}` is no glob pattern: {}", error.msg))?;
        Ok(Self { base, pattern: Some(pattern), depth_max })
    }

    /// Exactly this file or folder.
    pub(super) fn exactly(path: &Path) -> Self {
        Self { base: path.to_owned(), pattern: None, depth_max: usize::MAX }
    }

    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    pub(super) fn depth_max(&self) -> usize {
        self.depth_max
    }

    /// Whether it is a pattern of this path.
    pub(super) fn covers(&self, path: &Path) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.matches_path_with(path, OPTIONS),
            None => path.starts_with(&self.base),
        }
    }
}

/// Whether the files of a folder with this name are skipped.
pub(super) fn is_skipped(name: &str) -> bool {
    SKIPPED.contains(&name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn patterns_cover_paths_as_in_spin() {
        for (pattern, covered, others) in [
            (
                "src/**/*.rs",
                &["/a/src/lib.rs", "/a/src/b/c.rs"][..],
                &["/a/src/lib.txt", "/a/lib.rs"][..],
            ),
            ("src/*.rs", &["/a/src/lib.rs"], &["/a/src/b/c.rs"]),
            ("src/**", &["/a/src/b/c.rs", "/a/src/x"], &["/a/other"]),
            ("Cargo.toml", &["/a/Cargo.toml"], &["/a/b/Cargo.toml"]),
            ("src", &["/a/src/b/c.rs", "/a/src"], &["/a/src2"]),
            ("*.go", &["/a/main.go", "/a/b/c/main.go"], &["/a/main.rs"]),
            ("../common/*.wit", &["/common/a.wit"], &["/a/common/a.wit"]),
            ("./x/../y/?.js", &["/a/y/b.js"], &["/a/x/b.js"]),
            ("/other/**/[ab].c", &["/other/a.c", "/other/x/b.c"], &["/a/a.c", "/other/c.c"]),
        ] {
            let glob = Glob::new(Path::new("/a"), pattern).unwrap();
            for path in covered {
                assert!(glob.covers(Path::new(path)), "{pattern} covers {path}");
            }
            for path in others {
                assert!(!glob.covers(Path::new(path)), "{pattern} does not cover {path}");
            }
        }
    }

    #[test]
    fn only_folders_that_can_have_matches_are_read() {
        let glob = |pattern: &str| Glob::new(Path::new("/a[1]"), pattern).unwrap();
        assert_eq!(
            (glob("src/*.rs").base(), glob("src/*.rs").depth_max()),
            (Path::new("/a[1]/src"), 0)
        );
        assert_eq!(glob("src/*/*.rs").depth_max(), 1);
        assert_eq!(glob("src/**/*.rs").depth_max(), usize::MAX);
        assert!(glob("*.rs").covers(Path::new("/a[1]/lib.rs")));
    }

    #[test]
    fn an_invalid_pattern_has_a_reason() {
        let error = Glob::new(Path::new("/a"), "src/[a").unwrap_err();
        assert!(error.contains("`src/[a` is no glob pattern"), "{error}");
    }
}
