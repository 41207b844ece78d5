//! The files of an application, in a folder for each component.

use super::locked::Locked;
use crate::oci::digest_of;
use anyhow::{Context as _, bail, ensure};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Puts the files of all components into folders below `folder`. `content` finds a file by its
/// digest.
pub(super) fn place(
    locked: &Locked,
    folder: &Path,
    content: &mut impl FnMut(&str) -> anyhow::Result<PathBuf>,
) -> anyhow::Result<()> {
    for component in &locked.components {
        for file in &component.files {
            let path = Path::new(&file.path);
            let is_safe = |part| matches!(part, Component::Normal(_));
            ensure!(
                path.components().all(is_safe),
                "the path `{}` of a file of `{}` leads out of its folder",
                file.path,
                component.id
            );
            let target = of_component(folder, &component.id)?.join(path);
            let parent = target.parent().unwrap_or(folder);
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
            let written = match (file.content.inline()?, &file.content.digest) {
                (Some(bytes), Some(digest)) if digest_of(&bytes) != *digest => {
                    bail!("the content of `{}` has another digest than {digest}", file.path)
                }
                (Some(bytes), _) => fs::write(&target, bytes),
                (None, Some(digest)) => fs::copy(content(digest)?, &target).map(drop),
                (None, None) => bail!("the file `{}` has no content", file.path),
            };
            written.with_context(|| target.display().to_string())?;
        }
    }
    Ok(())
}

/// The folder with the files of a component.
pub(super) fn of_component(folder: &Path, id: &str) -> anyhow::Result<PathBuf> {
    let is_name =
        matches!(Path::new(id).components().collect::<Vec<_>>()[..], [Component::Normal(_)]);
    ensure!(is_name, "`{id}` is not the name of a component");
    Ok(folder.join(id))
}
