//! Redis triggers: components that are called for each message of a channel.
//!
//! There is one connection per server, as in stock Spin. Each trigger has its messages handled one
//! after the other, in their order. While one is being handled, the next ones wait in a short queue.
//! When that is full, no further messages are read: the server keeps them, and closes the connection
//! when it has too many. Redis keeps no message for a subscriber that is not connected.

mod handler;
mod listener;

use crate::message::Messages;
use crate::registry::Registry;
use handler::Handler;
use listener::Listener;
use std::collections::BTreeMap;
use std::sync::Arc;
use tessera_manifest::ComponentId;
use tessera_redis::Address;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Messages that wait for one trigger.
const QUEUED_MESSAGES_MAX: usize = 64;

/// A server, and the components that handle the messages of its channels.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) channels: BTreeMap<String, Vec<ComponentId>>,
}

/// All Redis triggers of an application.
#[derive(Clone)]
pub(crate) struct RedisTriggers {
    pub(crate) registry: Arc<Registry<Messages>>,
    pub(crate) servers: Vec<Server>,
}

impl RedisTriggers {
    /// The channels, with their servers, and their components.
    pub(crate) fn channels(&self) -> Vec<(String, String)> {
        let of = |server: &Server| {
            let channels = server.channels.iter();
            let shown = |(channel, components): (&String, &Vec<ComponentId>)| {
                (format!("{}/{channel}", server.address), components.join(", "))
            };
            channels.map(shown).collect::<Vec<_>>()
        };
        self.servers.iter().flat_map(of).collect()
    }

    /// Handles messages until the application stops. Ends when all messages that had arrived by then
    /// are handled.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        for Server { address, channels } in self.servers {
            let mut queues = BTreeMap::new();
            for (channel, components) in channels {
                let mut senders = Vec::new();
                for component in components {
                    let (handler, sender) =
                        Handler::new(self.registry.clone(), component, channel.as_str().into());
                    tasks.spawn(handler.run());
                    senders.push(sender);
                }
                queues.insert(channel, senders);
            }
            tasks.spawn(Listener { address, queues }.run(stop.clone()));
        }
        while tasks.join_next().await.is_some() {}
    }
}
