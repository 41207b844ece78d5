//! `fermyon:spin/mqtt@2.0.0`.

use super::interface::{Fault, MqttConnection, convert};
use super::packet::Quality;
use crate::capabilities::State;
use wasmtime::component::Resource;

convert!(crate::capabilities::bindings::fermyon::spin::mqtt);

impl version::Host for State {}

impl version::HostConnection for State {
    async fn open(
        &mut self,
        address: String,
        username: String,
        password: String,
        keep_alive_secs: u64,
    ) -> wasmtime::Result<Result<Resource<MqttConnection>, version::Error>> {
        let opened = match self.opening_mqtt(&address, username, password, keep_alive_secs) {
            Ok(opening) => opening.run().await,
            Err(fault) => Err(fault),
        };
        Ok(self.hold_mqtt(opened)?.map_err(Into::into))
    }

    async fn publish(
        &mut self,
        connection: Resource<MqttConnection>,
        topic: String,
        payload: Vec<u8>,
        quality: version::Qos,
    ) -> wasmtime::Result<Result<(), version::Error>> {
        let message = match self.mqtt_message(&connection) {
            Ok(message) => message,
            Err(fault) => return Ok(Err(fault.into())),
        };
        let published = message.publish(&topic, &payload, quality.into()).await;
        Ok(published.map_err(Into::into))
    }

    async fn drop(&mut self, connection: Resource<MqttConnection>) -> wasmtime::Result<()> {
        self.close_mqtt(connection);
        Ok(())
    }
}
