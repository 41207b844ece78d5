//! The component: the router over the host's store.

use axum::Router;
use chassis::app::{Kept, router_with_problems};
use chassis::config::optional;
use chassis::store::SpinStore;

use crate::App;
use crate::inbox::Inbox;

static ROUTER: Kept<String> = Kept::new();

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    let key = optional("mail_provider_key").await?.unwrap_or_default();
    ROUTER.router(key, |key| {
        let inbox = Inbox::new(SpinStore::open("mailbox")?);
        Ok(router_with_problems(crate::router(App { inbox, key: key.clone() })))
    })
}
