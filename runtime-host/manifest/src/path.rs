//! Paths, resolved lexically, without access to the file system.

use std::path::{Component, Path, PathBuf};

/// The directory of a file.
pub(crate) fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// `relative`, joined to `folder`, with `.` and `..` resolved.
pub(crate) fn join(folder: &Path, relative: &str) -> PathBuf {
    let mut joined = PathBuf::new();
    for component in folder.join(relative).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => up(&mut joined),
            other => joined.push(other),
        }
    }
    joined
}

/// A relative path, with `.` and `..` resolved; `None` if it leads out of the directory in which it
/// starts.
pub(crate) fn within(relative: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn up(path: &mut PathBuf) {
    match path.components().next_back() {
        Some(Component::Normal(_)) => {
            path.pop();
        }
        Some(Component::RootDir | Component::Prefix(_)) => {}
        _ => path.push(".."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_resolved_lexically() {
        let joined = |folder, relative| join(Path::new(folder), relative);
        assert_eq!(joined("/app", "./target/../a.wasm"), Path::new("/app/a.wasm"));
        assert_eq!(joined("/app", "../../../a.wasm"), Path::new("/a.wasm"));
        assert_eq!(joined("/app", "/abs/a.wasm"), Path::new("/abs/a.wasm"));
        assert_eq!(joined("", "../a.wasm"), Path::new("../a.wasm"));
        assert_eq!(joined("..", "../a.wasm"), Path::new("../../a.wasm"));
    }

    #[test]
    fn paths_within_a_directory_do_not_lead_out() {
        assert_eq!(within("./a//b/../c/").as_deref(), Some("a/c"));
        assert_eq!(within("").as_deref(), Some(""));
        assert_eq!(within("a/../.."), None);
    }
}
