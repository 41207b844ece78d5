//! Database servers. They have a certificate of their own, `server.crt`, and the user `app`.

use crate::Program;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

/// The password of the user `app`, with a character that a URL has to escape.
pub const PASSWORD: &str = "se cret";
/// The user and the group of these servers if the tests run as root, which they refuse: `nobody`.
const SERVER_USER: u32 = 65_534;

/// PostgreSQL, with the database `postgres`.
pub static POSTGRES: Program = Program {
    executable: "postgres",
    package: "postgresql",
    prepare: |executable, folder| {
        write_files(folder);
        let mut command = std::process::Command::new(executable.with_file_name("initdb"));
        command.args(["--no-sync", "--encoding=UTF8", "--locale=C", "--username=app"]);
        command.args(["--auth=scram-sha-256", "--pwfile=password", "--pgdata=data"]);
        run(command, folder);
    },
    configure: |command, folder, address| {
        let port = address.port().to_string();
        command.args(["-D", "data", "-h", "127.0.0.1", "-k", "", "-p", &port]);
        for (setting, file) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
            command.arg("-c").arg(format!("{setting}={}", folder.join(file).display()));
        }
        command.args(["-c", "ssl=on", "-c", "fsync=off"]);
        as_server(command.as_std_mut());
    },
    ready: "ready to accept connections",
    end: libc::SIGINT,
};

/// MariaDB, with the database `app`.
pub static MARIADB: Program = Program {
    executable: "mariadbd",
    package: "mariadb-server",
    prepare: |_, folder| {
        write_files(folder);
        let mut command = std::process::Command::new("mariadb-install-db");
        command.args(["--no-defaults", "--skip-test-db"]);
        command.arg("--auth-root-authentication-method=normal");
        command.arg(format!("--datadir={}", folder.join("data").display()));
        run(command, folder);
    },
    configure: |command, folder, address| {
        command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
        command.arg(format!("--port={}", address.port()));
        for (setting, file) in [
            ("datadir", "data"),
            ("socket", "socket"),
            ("init-file", "init.sql"),
            ("ssl-cert", "server.crt"),
            ("ssl-key", "server.key"),
        ] {
            command.arg(format!("--{setting}={}", folder.join(file).display()));
        }
        as_server(command.as_std_mut());
    },
    ready: "ready for connections",
    end: libc::SIGTERM,
};

/// What the servers read.
fn write_files(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let init = format!(
        "CREATE DATABASE IF NOT EXISTS app;\n\
         CREATE USER IF NOT EXISTS 'app'@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL ON *.* TO 'app'@'%';\n"
    );
    for (name, text) in [
        ("server.crt", made.cert.pem()),
        ("server.key", made.signing_key.serialize_pem()),
        ("password", PASSWORD.to_owned()),
        ("init.sql", init),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("the file is written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("permissions");
        give_away(&path);
    }
    give_away(folder);
}

/// Runs a command in the folder to its end.
fn run(mut command: std::process::Command, folder: &Path) {
    as_server(command.current_dir(folder));
    let done = command.output().expect("the program runs");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn as_server(command: &mut std::process::Command) {
    if is_root() {
        command.uid(SERVER_USER).gid(SERVER_USER);
    }
}

fn give_away(path: &Path) {
    if is_root() {
        chown(path, Some(SERVER_USER), Some(SERVER_USER)).expect("another owner");
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
