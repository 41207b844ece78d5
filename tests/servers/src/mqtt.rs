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

/// It accepts everyone with TLS, with a certificate of its own, `server.crt`.
pub static MOSQUITTO_WITH_TLS: Program = Program {
    executable: "mosquitto",
    package: "mosquitto",
    prepare: |_, folder| {
        let name = "127.0.0.1".to_owned();
        let made = rcgen::generate_simple_self_signed([name]).expect("a certificate");
        std::fs::write(folder.join("server.crt"), made.cert.pem()).expect("the certificate");
        std::fs::write(folder.join("server.key"), made.signing_key.serialize_pem())
            .expect("the key");
    },
    configure: |command, folder, address| {
        let access = "allow_anonymous true\ncertfile server.crt\nkeyfile server.key";
        configure(command, folder, address, access);
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
