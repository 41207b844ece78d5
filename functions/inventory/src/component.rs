//! The component: contracts and HTTP routes, with the host's store and the keys of `shop:identity`.

use axum::Router;
use bindings::exports::shop::inventory::{audit as books, stock as contract};
use chassis::clock::now_ms;
use chassis::register::{PAGE_MAX, position};
use chassis::store::{SpinStore, StoreError};

use crate::domain::{Availability, Books, Claim, Line, Refusal, ReservationStatus};
use crate::routes::App;
use crate::service::Inventory;

contracts::function!("inventory");

struct Component;

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let app = App { inventory: Inventory::new(store.clone()), keys: bindings::IdentityKeys };
    Ok(bindings::complete(crate::routes::router(app), store))
}

/// The service for one call of the contract.
fn inventory() -> Result<Inventory<SpinStore>, contract::Error> {
    bindings::store().map(Inventory::new).map_err(|error| Refusal::from(error).into())
}

impl contract::Guest for Component {
    async fn available(skus: Vec<String>) -> Result<Vec<contract::Availability>, contract::Error> {
        let available = inventory()?.available(&skus, now_ms()).await?;
        Ok(available.into_iter().map(Into::into).collect())
    }

    async fn reserve(
        id: String,
        lines: Vec<contract::Line>,
        ttl_ms: u64,
    ) -> Result<contract::Reservation, contract::Error> {
        let lines: Vec<Line> = lines.into_iter().map(Into::into).collect();
        let reservation = inventory()?.reserve(&id, &lines, ttl_ms, now_ms()).await?;
        Ok(contract::Reservation {
            id: reservation.id,
            lines: reservation.lines.into_iter().map(Into::into).collect(),
            expires_at: reservation.expires_at_ms,
        })
    }

    async fn commit(id: String) -> Result<(), contract::Error> {
        Ok(inventory()?.commit(&id, now_ms()).await?)
    }

    async fn release(id: String) -> Result<(), contract::Error> {
        Ok(inventory()?.release(&id).await?)
    }

    async fn take_back(id: String) -> Result<(), contract::Error> {
        Ok(inventory()?.take_back(&id, now_ms()).await?)
    }

    async fn restock(
        id: String,
        return_id: String,
        lines: Vec<contract::Line>,
    ) -> Result<(), contract::Error> {
        let lines: Vec<Line> = lines.into_iter().map(Into::into).collect();
        Ok(inventory()?.restock(&id, &return_id, &lines, now_ms()).await?)
    }
}

impl books::Guest for Component {
    async fn skus(after: Option<String>, limit: u32) -> Result<books::Page, books::Error> {
        let at = position(after.as_deref()).filter(|_| (1..=PAGE_MAX).contains(&limit));
        let Some(at) = at else {
            let text = format!("`after` {after:?}, or a limit beyond {PAGE_MAX}");
            return Err(books::Error::Invalid(text));
        };
        let page = Inventory::new(bindings::store()?).books(at, limit).await?;
        Ok(books::Page {
            entries: page.entries.into_iter().map(Into::into).collect(),
            next: page.next.map(|next| next.to_string()),
        })
    }

    async fn reservations(ids: Vec<String>) -> Result<Vec<books::Standing>, books::Error> {
        let statuses = Inventory::new(bindings::store()?).statuses(&ids, now_ms()).await?;
        Ok(statuses.into_iter().map(Into::into).collect())
    }
}

impl From<StoreError> for books::Error {
    fn from(error: StoreError) -> books::Error {
        books::Error::Unavailable(error.to_string())
    }
}

impl From<Refusal> for books::Error {
    fn from(refusal: Refusal) -> books::Error {
        match refusal {
            Refusal::Invalid(text) => books::Error::Invalid(text),
            other => books::Error::Unavailable(format!("{other:?}")),
        }
    }
}

impl From<Books> for books::Entry {
    fn from(books: Books) -> books::Entry {
        books::Entry {
            sku: books.sku,
            received: books.received.into(),
            on_hand: books.on_hand,
            reserved: books.reserved,
            sold: books.sold,
            claims: books.claims.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Claim> for books::Claim {
    fn from(claim: Claim) -> books::Claim {
        books::Claim {
            reservation_id: claim.reservation_id,
            quantity: claim.quantity,
            expires_at: claim.expires_at_ms,
        }
    }
}

impl From<ReservationStatus> for books::Standing {
    fn from(status: ReservationStatus) -> books::Standing {
        match status {
            ReservationStatus::Unknown => books::Standing::Unknown,
            ReservationStatus::Held => books::Standing::Held,
            ReservationStatus::Committed => books::Standing::Committed,
            ReservationStatus::Released => books::Standing::Released,
            ReservationStatus::Expired => books::Standing::Expired,
            ReservationStatus::TakenBack => books::Standing::TakenBack,
        }
    }
}

impl From<Refusal> for contract::Error {
    fn from(refusal: Refusal) -> contract::Error {
        match refusal {
            Refusal::OutOfStock(short) => {
                contract::Error::OutOfStock(short.into_iter().map(Into::into).collect())
            }
            Refusal::NotFound(text) => contract::Error::NotFound(text),
            Refusal::Expired(text) => contract::Error::Expired(text),
            Refusal::Committed(text) => contract::Error::Committed(text),
            Refusal::Conflict(text) => contract::Error::Conflict(text),
            Refusal::Invalid(text) => contract::Error::Invalid(text),
            Refusal::Unavailable(text) => contract::Error::Unavailable(text),
        }
    }
}

impl From<Availability> for contract::Availability {
    fn from(Availability { sku, available }: Availability) -> contract::Availability {
        contract::Availability { sku, available }
    }
}

impl From<Line> for contract::Line {
    fn from(Line { sku, quantity }: Line) -> contract::Line {
        contract::Line { sku, quantity }
    }
}

impl From<contract::Line> for Line {
    fn from(contract::Line { sku, quantity }: contract::Line) -> Line {
        Line { sku, quantity }
    }
}
