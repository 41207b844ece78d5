//! Guest carts, and how they are merged into the carts of users.

use chassis::Clock;
use chassis::http::IfMatch;
use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{CartId, Carts, Error, ShownCart, Stored, key};
use crate::domain::{Cart, GuestCart, Line, PricedCart, Refused};
use crate::ports::Products;

/// A cart after a guest's cart was merged into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MergedCart {
    #[serde(flatten)]
    pub cart: PricedCart,
    /// Products that did not fit.
    #[cfg_attr(test, schemars(with = "Vec<chassis::openapi::Sku>"))]
    pub left_out: Vec<String>,
}

impl<S: Store, P: Products, C: Clock> Carts<S, P, C> {
    /// Creates a guest cart. `id` must be new and impossible to guess.
    pub async fn begin(&self, id: &str) -> Result<ShownCart, Error> {
        let guest = GuestCart::new(self.clock.now_ms());
        let expires_at_ms = guest.expires_at_ms();
        self.note(id, expires_at_ms, self.guest_carts_max).await?;
        if !self.store.create(&guest_key(id), &guest).await? {
            return Err(StoreError::Unavailable("the id is taken".to_owned()).into());
        }
        let stored = Stored { cart: Cart::default(), expires_at_ms: Some(expires_at_ms) };
        self.shown(&stored).await
    }

    /// Replaces the content of a guest cart, if it has an expected version. There must be at most
    /// [`crate::domain::LINES_MAX`] lines, each with another product.
    pub async fn replace(
        &self,
        id: &str,
        lines: Vec<Line>,
        expected: &IfMatch,
    ) -> Result<ShownCart, Error> {
        self.guest(id).await?;
        let skus: Vec<&str> = lines.iter().map(|line| line.sku.as_str()).collect();
        self.known(skus.iter().map(|sku| (*sku).to_owned()).collect(), &skus).await?;
        let replace = |cart: &mut Cart| {
            cart.check(expected)?;
            cart.replace(lines.clone());
            Ok(())
        };
        let stored = self.change_guest(id, replace).await?;
        self.shown(&stored).await
    }

    /// Deletes a guest cart, if it has an expected version. It is closed first, so that concurrent
    /// changes fail; and no change creates a cart.
    pub async fn discard(&self, id: &str, expected: &IfMatch) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        self.update_guest(id, |guest| {
            guest.open(now_ms)?.check(expected)?;
            guest.close(None);
            Ok(())
        })
        .await?;
        Ok(self.store.delete(&guest_key(id)).await?)
    }

    /// Merges a guest cart into a user's cart, once, if that has an expected version. See
    /// [`GuestCart`] for the steps.
    pub async fn merge(
        &self,
        user_id: &str,
        guest_cart_id: &str,
        expected: &IfMatch,
    ) -> Result<MergedCart, Error> {
        let now_ms = self.clock.now_ms();
        let own = self.get(user_id).await?;
        own.open()?;
        if own.merged(guest_cart_id).is_none() {
            own.check(expected)?;
        }
        let claim = |guest: &mut GuestCart| Ok(guest.claim(user_id, now_ms)?);
        let Some(lines) = self.update_guest(guest_cart_id, claim).await? else {
            let left_out = own.merged(guest_cart_id).unwrap_or_default().to_vec();
            let cart = self.view(&CartId::User(user_id.to_owned())).await?.cart;
            return Ok(MergedCart { cart, left_out });
        };
        // After a crash, an outdated one may still be claimed, and could be merged again if the
        // user's cart forgot it.
        let settled = own.outdated(now_ms);
        for outdated in &settled {
            self.settle(user_id, outdated).await?;
        }
        let merge = |cart: Option<Cart>| {
            let mut cart = cart.unwrap_or_default();
            if cart.merged(guest_cart_id).is_none() {
                cart.check(expected)?;
            }
            let left_out = cart.merge(guest_cart_id, &lines, now_ms, &settled)?;
            Ok::<_, Error>((cart.clone(), (cart, left_out)))
        };
        let (cart, left_out) = self.store.update(&key(user_id), merge).await?;
        self.settle(user_id, guest_cart_id).await?;
        let cart = self.shown(&Stored { cart, expires_at_ms: None }).await?.cart;
        Ok(MergedCart { cart, left_out })
    }

    /// Closes a guest cart that was merged into this user's cart. One that was deleted needs no
    /// closing.
    async fn settle(&self, user_id: &str, guest_cart_id: &str) -> Result<(), Error> {
        let close = |guest: &mut GuestCart| {
            guest.close(Some(user_id));
            Ok(())
        };
        match self.update_guest(guest_cart_id, close).await {
            Ok(()) | Err(Error::Refused(Refused::Gone)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A guest cart that is in use. Expired ones are deleted by a sweep.
    pub(super) async fn guest(&self, id: &str) -> Result<Stored, Error> {
        let guest: Option<GuestCart> = self.store.read(&guest_key(id)).await?;
        Ok(stored(&guest.ok_or(Refused::Gone)?, self.clock.now_ms())?)
    }

    pub(super) async fn change_guest(
        &self,
        id: &str,
        change: impl Fn(&mut Cart) -> Result<(), Refused> + Send + Sync,
    ) -> Result<Stored, Error> {
        let now_ms = self.clock.now_ms();
        self.update_guest(id, |guest| {
            change(guest.open_mut(now_ms)?)?;
            Ok(stored(guest, now_ms)?)
        })
        .await
    }

    /// Changes a guest cart; never creates one.
    pub(super) async fn update_guest<R: Send>(
        &self,
        id: &str,
        change: impl Fn(&mut GuestCart) -> Result<R, Error> + Send + Sync,
    ) -> Result<R, Error> {
        let change = |guest: Option<GuestCart>| {
            let mut guest = guest.ok_or(Refused::Gone)?;
            let result = change(&mut guest)?;
            Ok((guest, result))
        };
        self.store.update(&guest_key(id), change).await
    }
}

fn stored(guest: &GuestCart, now_ms: u64) -> Result<Stored, Refused> {
    let cart = guest.open(now_ms)?.clone();
    Ok(Stored { cart, expires_at_ms: Some(guest.expires_at_ms()) })
}

pub(super) fn guest_key(id: &str) -> String {
    format!("guest/{id}")
}
