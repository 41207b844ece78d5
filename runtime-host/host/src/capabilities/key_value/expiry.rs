//! `tessera:store/expiry`: keys that expire.

use super::{Operation, OperationError};
use crate::capabilities::State;
use tessera_storage::ErrorKind;
use wasmtime::component::{Accessor, Linker};

wasmtime::component::bindgen!({
    path: "../../wit/store",
    world: "client",
    inline: "
        package tessera:host;
        world client { import tessera:store/expiry@1.0.0; }
    ",
});

use tessera::store::expiry::Error;

/// The interface that [`define`] defines.
pub(crate) const NAME: &str = "tessera:store/expiry@1.0.0";

/// Provides the import for the component's own stores.
pub(crate) fn define(linker: &mut Linker<State>) -> anyhow::Result<()> {
    type Arguments = (String, String, u64);
    let mut instance = linker.instance(NAME).map_err(anyhow::Error::from)?;
    instance
        .func_wrap_concurrent("expire-at", |accessor, (store, key, at_ms): Arguments| {
            Box::pin(async move { Ok((expire_at(accessor, &store, key, at_ms).await,)) })
        })
        .map_err(anyhow::Error::from)
}

async fn expire_at(
    accessor: &Accessor<State>,
    label: &str,
    key: String,
    at_ms: u64,
) -> Result<(), Error> {
    let begun = accessor.with(|mut access| {
        let state = access.get();
        let store = state.guest.grants.stores.get(label).cloned();
        store.map(|store| (store, Operation::begin(state, "expire-at")))
    });
    let (store, operation) = begun.ok_or(Error::AccessDenied)?;
    Ok(operation.run(|| store.expire_at(key, at_ms)).await?)
}

impl From<OperationError> for Error {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::NoSuchStore => Self::NoSuchStore,
            OperationError::AccessDenied => Self::AccessDenied,
            full if full == OperationError::from(ErrorKind::Full) => Self::Full,
            OperationError::TooManyOpen => {
                Self::Unavailable("too many handles are open".to_owned())
            }
            OperationError::Other(text) => Self::Unavailable(text),
        }
    }
}
