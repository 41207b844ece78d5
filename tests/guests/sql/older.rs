//! The older interfaces, whose functions wait for all rows.

mod spin_2 {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        path: "../../runtime-host/host/wit/deps/fermyon-spin@2.0.0",
        inline: "
            package tessera-test:spin2;
            world guest {
                import fermyon:spin/mysql@2.0.0;
                import fermyon:spin/postgres@2.0.0;
            }
        ",
        generate_all,
    });
}

mod spin_1 {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        path: "../../runtime-host/host/wit/spin-v1",
        inline: "
            package tessera-test:spin1;
            world guest {
                import fermyon:spin/mysql;
                import fermyon:spin/postgres;
            }
        ",
        generate_all,
    });
}

mod postgres_3 {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        path: "../../runtime-host/host/wit/deps/spin-postgres@3.0.0",
        inline: "
            package tessera-test:postgres3;
            world guest { import spin:postgres/postgres@3.0.0; }
        ",
        generate_all,
    });
}

/// The types of parameters that all of them have.
macro_rules! shared_parameters {
    ($($name:literal => $case:ident),* $(,)?) => {
        crate::parameters!(ParameterValue {
            "boolean" => Boolean, "int8" => Int8, "int16" => Int16, "int32" => Int32,
            "int64" => Int64, "floating32" => Floating32, "floating64" => Floating64,
            "str" => Str, "binary" => Binary, $($name => $case),*
        });

        fn other_parameter(name: &str, _: serde_json::Value) -> ParameterValue {
            panic!("no type: {name}")
        }
    };
}

macro_rules! row_set {
    ($set:expr) => {{
        let set = $set;
        let columns = set.columns.iter();
        let columns = columns.map(|one| crate::column(&one.name, one.data_type)).collect();
        crate::rows(columns, set.rows.iter().map(|row| crate::values(row)).collect())
    }};
}

/// Runs steps on a connection.
macro_rules! with_connections {
    () => {
        pub(crate) fn run(work: crate::Work) -> Vec<serde_json::Value> {
            let connection = match Connection::open(&work.address) {
                Ok(connection) => connection,
                Err(refused) => return vec![crate::error(refused)],
            };
            let run = |step: crate::Step| {
                let parameters = parameters(&step.parameters);
                if let Some(statement) = step.execute {
                    return connection.execute(&statement, &parameters).map(crate::changed);
                }
                connection.query(&step.query.unwrap(), &parameters).map(|set| row_set!(set))
            };
            work.steps.into_iter().map(|step| run(step).unwrap_or_else(crate::error)).collect()
        }
    };
}

/// Runs steps, each on a connection of its own.
macro_rules! without_connections {
    () => {
        pub(crate) fn run(work: crate::Work) -> Vec<serde_json::Value> {
            let run = |step: crate::Step| {
                let parameters = parameters(&step.parameters);
                if let Some(statement) = step.execute {
                    return execute(&work.address, &statement, &parameters).map(crate::changed);
                }
                query(&work.address, &step.query.unwrap(), &parameters).map(|set| row_set!(set))
            };
            work.steps.iter().cloned().map(|step| run(step).unwrap_or_else(crate::error)).collect()
        }
    };
}

pub(crate) mod pg3 {
    use super::postgres_3::spin::postgres::postgres::{Connection, ParameterValue};

    shared_parameters!(
        "date" => Date, "time" => Time, "datetime" => Datetime, "timestamp" => Timestamp,
    );
    with_connections!();
}

pub(crate) mod pg2 {
    use super::spin_2::fermyon::spin::postgres::{Connection, ParameterValue};

    shared_parameters!("uint32" => Uint32);
    with_connections!();
}

pub(crate) mod pg1 {
    use super::spin_1::fermyon::spin::postgres::{ParameterValue, execute, query};

    shared_parameters!("uint32" => Uint32);
    without_connections!();
}

pub(crate) mod mysql2 {
    use super::spin_2::fermyon::spin::mysql::{Connection, ParameterValue};

    shared_parameters!(
        "uint8" => Uint8, "uint16" => Uint16, "uint32" => Uint32, "uint64" => Uint64,
    );
    with_connections!();
}

pub(crate) mod mysql1 {
    use super::spin_1::fermyon::spin::mysql::{ParameterValue, execute, query};

    shared_parameters!(
        "uint8" => Uint8, "uint16" => Uint16, "uint32" => Uint32, "uint64" => Uint64,
    );
    without_connections!();
}
