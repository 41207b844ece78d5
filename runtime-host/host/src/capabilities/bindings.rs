//! Types and traits made from the interfaces in `wit/`.
//!
//! One world for all of them, so that resources of the host are named once, here.

wasmtime::component::bindgen!({
    path: "wit",
    world: "tessera:host/capabilities",
    imports: { default: async | trappable },
    with: {
        "fermyon:spin/key-value.store": super::key_value::Handle,
        "fermyon:spin/mqtt.connection": super::mqtt::MqttConnection,
        "fermyon:spin/mysql.connection": super::mysql::MysqlConnection,
        "fermyon:spin/postgres.connection": super::postgres::PostgresConnection,
        "fermyon:spin/redis.connection": super::redis::RedisConnection,
        "fermyon:spin/sqlite.connection": super::sqlite::SqliteConnection,
        "spin:key-value/key-value.store": super::key_value::Handle,
        "spin:mqtt/mqtt.connection": super::mqtt::MqttConnection,
        "spin:mysql/mysql.connection": super::mysql::MysqlConnection,
        "spin:postgres/postgres@3.0.0.connection": super::postgres::PostgresConnection,
        "spin:postgres/postgres@4.2.0.connection": super::postgres::PostgresConnection,
        "spin:postgres/postgres@4.2.0.connection-builder": super::postgres::ConnectionBuilder,
        "spin:redis/redis.connection": super::redis::RedisConnection,
        "spin:sqlite/sqlite.connection": super::sqlite::SqliteConnection,
        "wasi:keyvalue/store.bucket": super::key_value::Handle,
        "wasi:keyvalue/atomics.cas": super::key_value::Swap,
    },
});
