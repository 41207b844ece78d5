//! The registry of the distribution project, which stores OCI artifacts.

use crate::programs::Program;

/// The file of its configuration.
const CONFIGURATION: &str = "registry.yaml";

/// Without credentials and without TLS.
pub static DOCKER_REGISTRY: Program = Program {
    executable: "docker-registry",
    package: "docker-registry",
    prepare: |_, _| {},
    configure: |command, folder, address| {
        let text = format!(
            "version: 0.1\nlog: {{ level: info }}\n\
             storage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: \"{address}\" }}\n",
            folder.join("data").display()
        );
        std::fs::write(folder.join(CONFIGURATION), text).expect("a configuration");
        command.args(["serve", CONFIGURATION]);
    },
    ready: "listening on",
    end: libc::SIGTERM,
};
