//! The log keeps the contract of all event brokers.

use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};
use tessera_events::{
    Deliver, Delivery, Event, Log, Outcome, Subscription,
    contract::{Broker, Subscribers},
    delivery::{Handle, Service},
    embedded::Embedded,
};

use crate::harness::{Folder, quick, settled};

/// A log with its running delivery.
struct Running {
    log: Embedded,
    names: Vec<String>,
    _delivery: Handle,
    _folder: Folder,
}

impl Broker for Running {
    fn log(&self) -> &dyn Log {
        &self.log
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        async {
            for name in &self.names {
                settled(&self.log, name).await;
            }
        }
        .boxed()
    }
}

struct Recording(Subscribers);

impl Deliver for Recording {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        let events: Vec<Event> = delivery.entries.into_iter().map(|entry| entry.event).collect();
        ready(self.0.deliver(&delivery.member, &events)).boxed()
    }
}

async fn start(subscriptions: Vec<Subscription>, subscribers: Subscribers) -> Running {
    let folder = Folder::new();
    let log = folder.open(quick(), &subscriptions).await;
    let queue = std::sync::Arc::new(log.clone());
    let delivery = Service::new(queue, std::sync::Arc::new(Recording(subscribers))).start();
    let names = subscriptions.into_iter().map(|subscription| subscription.name).collect();
    Running { log, names, _delivery: delivery, _folder: folder }
}

tessera_events::contract_tests!(start);
