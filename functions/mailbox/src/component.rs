//! The component: the router over the store of the host.

use axum::response::IntoResponse as _;
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::Desk;
use crate::inbox::Inbox;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let store = match SpinStore::open("mailbox") {
        Ok(store) => store,
        Err(error) => return chassis::Problem::from(error).into_response(),
    };
    let key = match chassis::config::optional("mail_provider_key").await {
        Ok(key) => key.unwrap_or_default(),
        Err(error) => return chassis::Problem::from(error).into_response(),
    };
    let desk = Desk { inbox: Inbox::new(store), key };
    let router = chassis::app::router_with_problems(crate::router(desk));
    chassis::app::serve(router, request).await
}
