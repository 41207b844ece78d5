//! Mosquitto, a broker of MQTT.

use crate::programs::{Program, find};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// It accepts everyone.
pub static MOSQUITTO: Program = Program {
    executable: "mosquitto",
    package: "mosquitto",
    prepare: |_, _| {},
    configure: |command, folder, address| {
        configure(command, folder, address, "allow_anonymous true");
    },
    ready: "running",
    end: libc::SIGTERM,
};

/// It accepts the user `user` with the password `secret`.
pub static MOSQUITTO_WITH_PASSWORDS: Program = Program {
    executable: "mosquitto",
    package: "mosquitto",
    prepare: |_, folder| {
        let program = find("mosquitto_passwd").expect("it comes with mosquitto");
        let mut command = Command::new(program);
        command.current_dir(folder).args(["-b", "-c", "passwords", "user", "secret"]);
        let output = command.output().expect("it can be started");
        assert!(output.status.success(), "{output:?}");
    },
    configure: |command, folder, address| {
        configure(command, folder, address, "password_file passwords");
    },
    ready: "running",
    end: libc::SIGTERM,
};

fn configure(
    command: &mut tokio::process::Command,
    folder: &Path,
    address: SocketAddr,
    access: &str,
) {
    // It would become another user, who can't read the folder.
    let user = "user root";
    let (ip, port) = (address.ip(), address.port());
    let configuration = format!("listener {port} {ip}\n{access}\n{user}\n");
    std::fs::write(folder.join("mosquitto.conf"), configuration).expect("a configuration");
    command.args(["-v", "-c", "mosquitto.conf"]);
}
