//! The supervisor of the process: systemd learns that the application serves requests, and that it
//! stops, if it has started the host as a service of `Type=notify`.
//!
//! Otherwise a service counts as started before its components are compiled, and what systemd starts
//! after it finds nothing there.

use anyhow::Context as _;
use std::ffi::{OsStr, OsString};
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable with the address of the socket that takes notifications.
const SOCKET: &str = "NOTIFY_SOCKET";

/// The supervisor that has started this process, if it wants to be notified.
#[derive(Debug)]
pub(super) struct Supervisor {
    socket: Option<OsString>,
}

impl Supervisor {
    #[expect(clippy::disallowed_methods, reason = "systemd sets it: it is no setting of this host")]
    pub(super) fn of_process() -> Self {
        Self { socket: std::env::var_os(SOCKET).filter(|socket| !socket.is_empty()) }
    }

    /// The application serves requests at this URL.
    pub(super) fn ready(&self, url: &str) {
        self.notify(&format!("READY=1\nSTATUS=Serving {url}"));
    }

    /// The application has been asked to stop.
    pub(super) fn stopping(&self) {
        self.notify("STOPPING=1\nSTATUS=Requests in flight may finish");
    }

    /// A supervisor that can't be notified is no reason not to serve: it ends the process if it misses
    /// the notification.
    fn notify(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        let sent = send(socket, state);
        if let Err(error) = sent.with_context(|| format!("{SOCKET} is {}", socket.display())) {
            tracing::warn!("the supervisor can't be notified: {error:#}");
        }
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address(socket)?)?;
    Ok(())
}

/// A path, or, after `@`, a name in the abstract namespace of Linux.
fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(socket),
    }
}
