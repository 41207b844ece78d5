//! Acknowledged writes survive a power cut, which loses all unsynced data.
//!
//! After a kill, all writes that the operating system accepted survive, synced or not. So the child
//! runs with a preloaded library that records unsynced writes and undoes them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use tessera_storage::{
    Stores,
    embedded::{Embedded, Options},
};

use crate::{
    crash::{acknowledged_by, assert_pairs_are_whole},
    harness::{Folder, spawn_child_in},
};

/// The file operation at which the power goes off. Opening a store takes about fifty of them.
const CUTS: [usize; 6] = [60, 90, 150, 333, 700, 1_500];

/// Compiles the library.
fn library(folder: &Path) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/power_loss.c");
    let library = folder.join("power_loss.so");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let compiled = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args([source, "-ldl"])
        .status()
        .expect("a C compiler, which the host needs as well");
    assert!(compiled.success(), "{source} does not compile");
    library
}

/// The acknowledged writes of a child whose power goes off.
fn write_until_dark(
    library: &Path,
    folder: &Folder,
    cut: usize,
    seed: usize,
    lies: bool,
) -> BTreeMap<String, String> {
    let mut variables = vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("POWER_ROOT", folder.path().canonicalize().unwrap().display().to_string()),
        ("POWER_OFF_AT", cut.to_string()),
        ("POWER_SEED", seed.to_string()),
    ];
    variables.extend(lies.then(|| ("POWER_LIES", "1".to_owned())));
    let child = spawn_child_in("crash::child_that_writes", folder.path(), &variables);
    acknowledged_by(child, usize::MAX)
}

async fn kept(folder: &Folder, acknowledged: &BTreeMap<String, String>) -> usize {
    let engine = Embedded::open(folder.path(), Options::default()).unwrap();
    let store = engine.open("test").await.unwrap();
    let mut kept = 0;
    for (key, value) in acknowledged {
        let found = store.get(key.clone()).await.unwrap();
        kept += usize::from(found.as_deref() == Some(value.as_bytes()));
    }
    assert_pairs_are_whole(&*store).await;
    engine.close().await.unwrap();
    kept
}

#[tokio::test]
async fn every_acknowledged_write_survives_a_power_cut() {
    let tools = TempDir::new().unwrap();
    let library = library(tools.path());
    let mut total = 0;
    // Seed 0 loses all unsynced writes, the others some of them, because disks reorder writes.
    for seed in 0..4 {
        let (folder, mut expected) = (Folder::new(), BTreeMap::new());
        // Each cut continues with the files of the previous one.
        for cut in CUTS {
            expected.extend(write_until_dark(&library, &folder, cut, seed, false));
            assert_eq!(kept(&folder, &expected).await, expected.len(), "{cut} {seed}");
        }
        total += expected.len();
    }
    assert!(total > 500, "{total} writes say little");
}

#[tokio::test]
async fn this_test_detects_a_disk_that_ignores_syncs() {
    let tools = TempDir::new().unwrap();
    let library = library(tools.path());
    let folder = Folder::new();
    let acknowledged = write_until_dark(&library, &folder, 700, 0, true);
    assert!(acknowledged.len() > 10);
    assert!(kept(&folder, &acknowledged).await < acknowledged.len(), "nothing was lost");
}
