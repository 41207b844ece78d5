//! One process per folder and per file.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, stdin},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use tessera_storage::{
    ErrorKind, Stores,
    embedded::{Embedded, Options},
};

use crate::harness::{Folder, children_folder, spawn_child};

#[tokio::test]
async fn a_second_process_gets_the_id_of_the_first_one() {
    let folder = Folder::new();
    let mut child = spawn_child("locks::child_that_holds_the_folder", folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("holding")));

    let error = Embedded::open(folder.path(), Options::default()).err().unwrap();
    assert_eq!(error.kind, ErrorKind::InUse);
    assert!(error.message.contains(&format!("process {}", child.id())), "{error}");
    assert!(error.message.contains(&folder.path().display().to_string()), "{error}");

    child.kill().unwrap();
    child.wait().unwrap();
    Embedded::open(folder.path(), Options::default()).unwrap();
}

#[test]
#[ignore = "is started, and killed, by another test"]
fn child_that_holds_the_folder() {
    let _engine = Embedded::open(&children_folder(), Options::default()).unwrap();
    println!("holding");
    stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[tokio::test]
async fn a_file_elsewhere_is_held_like_a_folder() {
    let (one, two, shared) = (Folder::new(), Folder::new(), Folder::new());
    let options = || {
        let paths = HashMap::from([("x".to_owned(), shared.file("deep/er/x.db"))]);
        Options { paths, ..Options::default() }
    };
    let holder = one.open(options());
    holder.open("x").await.unwrap();
    let other = two.open(options());
    let error = other.open("x").await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::InUse);
    assert!(error.message.contains("x.db"), "{error}");
    assert!(error.message.contains(&format!("process {}", std::process::id())), "{error}");

    holder.close().await.unwrap();
    other.open("x").await.unwrap();
}

#[test]
fn a_read_only_folder_is_named_as_such() {
    let folder = Folder::new();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let path = match fs::write(folder.file("probe"), []) {
        Err(_) => folder.path(),
        // The superuser may write there, but to no folder of the kernel's.
        Ok(()) => Path::new("/sys/kernel"),
    };
    let error = Embedded::open(path, Options::default()).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(error.message.contains(&path.display().to_string()), "{error}");
}

#[test]
fn a_file_in_place_of_the_folder_is_named_as_such() {
    let folder = Folder::new();
    fs::write(folder.file("state"), []).unwrap();
    let error = Embedded::open(&folder.file("state"), Options::default()).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("state"), "{error}");
}
