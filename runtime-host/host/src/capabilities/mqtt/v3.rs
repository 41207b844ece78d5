//! `spin:mqtt@3.0.0`, whose functions are asynchronous.

use super::interface::{Fault, MqttConnection, convert};
use super::packet::Quality;
use crate::capabilities::State;
use wasmtime::component::{Accessor, HasSelf, Resource};

convert!(crate::capabilities::bindings::spin::mqtt::mqtt);

impl version::Host for State {}

impl version::HostConnection for State {
    async fn drop(&mut self, connection: Resource<MqttConnection>) -> wasmtime::Result<()> {
        self.close_mqtt(connection);
        Ok(())
    }
}

impl<T: Send> version::HostConnectionWithStore<T> for HasSelf<State> {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
        username: String,
        password: String,
        keep_alive_secs: u64,
    ) -> wasmtime::Result<Result<Resource<MqttConnection>, version::Error>> {
        let opening = accessor.with(|mut access| {
            access.get().opening_mqtt(&address, username, password, keep_alive_secs)
        });
        let opened = match opening {
            Ok(opening) => opening.run().await,
            Err(fault) => Err(fault),
        };
        let held = accessor.with(|mut access| access.get().hold_mqtt(opened))?;
        Ok(held.map_err(Into::into))
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<MqttConnection>,
        topic: String,
        payload: Vec<u8>,
        quality: version::Qos,
    ) -> wasmtime::Result<Result<(), version::Error>> {
        let message = accessor.with(|mut access| access.get().mqtt_message(&connection));
        let message = match message {
            Ok(message) => message,
            Err(fault) => return Ok(Err(fault.into())),
        };
        let published = message.publish(&topic, &payload, quality.into()).await;
        Ok(published.map_err(Into::into))
    }
}
