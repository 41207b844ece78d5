//! What guests can do with their baskets, and how a guest's basket becomes a user's.

use chassis::store::{Store, StoreError};

use super::{Carts, Error, key};
use crate::domain::View;
use crate::domain::{Cart, Gone, GuestCart, Line, Refused};
use crate::ports::Products;

/// A guest's basket with names and prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is in it.
    pub view: View,
    /// From when on it is gone, unless it is changed before; in milliseconds since the epoch.
    pub expires_at_ms: u64,
}

/// A user's basket after a guest's went into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedInto {
    /// What is in it now.
    pub view: View,
    /// Products that there was no place for.
    pub left_out: Vec<String>,
}

impl<S: Store, P: Products> Carts<S, P> {
    /// Begin a guest's basket. `id` must be fresh and impossible to guess.
    pub async fn begin(&self, id: &str) -> Result<Seen, Error> {
        let guest = GuestCart::new((self.now_ms)());
        self.note(id, guest.expires_at_ms(), self.guest_carts_max).await?;
        if !self.store.create(&guest_key(id), &guest).await? {
            return Err(StoreError::Unavailable("the id is taken".to_owned()).into());
        }
        let view = self.priced(&Cart::default()).await?;
        Ok(Seen { view, expires_at_ms: guest.expires_at_ms() })
    }

    /// A guest's basket with names and prices.
    pub async fn view_guest(&self, id: &str) -> Result<Seen, Error> {
        let guest = self.guest(id).await?;
        self.seen(&guest).await
    }

    /// Make it `quantity` pieces of this product, if the guest's basket is at one of
    /// `versions` (any if none).
    pub async fn put_guest(
        &self,
        id: &str,
        sku: &str,
        quantity: u32,
        versions: Option<&[u64]>,
    ) -> Result<Seen, Error> {
        self.guest(id).await?;
        self.known(vec![sku.to_owned()]).await?;
        let guest = self
            .change_guest(id, |cart| {
                cart.at(versions)?;
                cart.put(sku, quantity)
            })
            .await?;
        self.seen(&guest).await
    }

    /// Make a guest's basket hold these lines and no others, at most
    /// [`crate::domain::LINES_MAX`], each product once.
    pub async fn replace_guest(
        &self,
        id: &str,
        lines: Vec<Line>,
        versions: Option<&[u64]>,
    ) -> Result<Seen, Error> {
        self.guest(id).await?;
        self.known(lines.iter().map(|line| line.sku.clone()).collect()).await?;
        let guest = self
            .change_guest(id, |cart| {
                cart.at(versions)?;
                cart.replace(lines.clone());
                Ok(())
            })
            .await?;
        self.seen(&guest).await
    }

    /// Take a product out of a guest's basket. Answers the basket's version.
    pub async fn remove_guest(
        &self,
        id: &str,
        sku: &str,
        versions: Option<&[u64]>,
    ) -> Result<u64, Error> {
        let remove = |cart: &mut Cart| {
            cart.at(versions)?;
            cart.remove(sku);
            Ok(())
        };
        let guest = self.change_guest(id, remove).await?;
        Ok(guest.open((self.now_ms)())?.version)
    }

    /// Throw a guest's basket away. It is closed first, so no change that is on its way meets
    /// it open; and none can bring it back, since a change never makes a basket.
    pub async fn discard_guest(&self, id: &str, versions: Option<&[u64]>) -> Result<(), Error> {
        let now_ms = (self.now_ms)();
        self.update_guest(id, |guest| {
            guest.open(now_ms)?.at(versions)?;
            guest.close(None);
            Ok(())
        })
        .await?;
        Ok(self.store.delete(&guest_key(id)).await?)
    }

    /// Put a guest's basket into a user's, at most once however often this is asked, if the
    /// user's is at one of `versions` (any if none). See [`GuestCart`] for how.
    pub async fn merge(
        &self,
        user_id: &str,
        guest_cart_id: &str,
        versions: Option<&[u64]>,
    ) -> Result<MergedInto, Error> {
        let now_ms = (self.now_ms)();
        let own = self.get(user_id).await?;
        own.open()?;
        if own.merged(guest_cart_id).is_none() {
            own.at(versions)?;
        }
        let claim = |guest: &mut GuestCart| Ok(guest.claim(user_id, now_ms)?);
        let Some(lines) = self.update_guest(guest_cart_id, claim).await? else {
            let left_out = own.merged(guest_cart_id).unwrap_or_default().to_vec();
            return Ok(MergedInto { view: self.view(user_id).await?, left_out });
        };
        let settled = self.settle_outdated(user_id, &own, now_ms).await?;
        let (own, left_out) = self
            .store
            .update(&key(user_id), |cart: Option<Cart>| {
                let mut cart = cart.unwrap_or_default();
                if cart.merged(guest_cart_id).is_none() {
                    cart.at(versions)?;
                }
                let left_out = cart.merge(guest_cart_id, &lines, now_ms, &settled)?;
                Ok::<_, Error>((cart.clone(), (cart, left_out)))
            })
            .await?;
        self.settle(user_id, guest_cart_id).await?;
        Ok(MergedInto { view: self.priced(&own).await?, left_out })
    }

    /// Close all guests' baskets whose records are about to leave this basket's inbox, at most
    /// [`crate::domain::MERGED_MAX`]: after a crash one may still be claimed, and would go in
    /// once more if nothing told that it has. Answers their ids.
    async fn settle_outdated(
        &self,
        user_id: &str,
        own: &Cart,
        now_ms: u64,
    ) -> Result<Vec<String>, Error> {
        let outdated = own.outdated(now_ms);
        for guest_cart_id in &outdated {
            self.settle(user_id, guest_cart_id).await?;
        }
        Ok(outdated)
    }

    /// Close a guest's basket that went into this user's. One that is not there any more is
    /// closed for good.
    async fn settle(&self, user_id: &str, guest_cart_id: &str) -> Result<(), Error> {
        let close = |guest: &mut GuestCart| {
            guest.close(Some(user_id));
            Ok(())
        };
        match self.update_guest(guest_cart_id, close).await {
            Ok(()) | Err(Error::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn seen(&self, guest: &GuestCart) -> Result<Seen, Error> {
        let view = self.priced(guest.open((self.now_ms)())?).await?;
        Ok(Seen { view, expires_at_ms: guest.expires_at_ms() })
    }

    /// A guest's basket that is in use. One that is over is left to the sweep.
    async fn guest(&self, id: &str) -> Result<GuestCart, Error> {
        let guest: Option<GuestCart> = self.store.read(&guest_key(id)).await?;
        let guest = guest.ok_or(Gone)?;
        guest.open((self.now_ms)())?;
        Ok(guest)
    }

    async fn change_guest(
        &self,
        id: &str,
        change: impl Fn(&mut Cart) -> Result<(), Refused> + Send + Sync,
    ) -> Result<GuestCart, Error> {
        let now_ms = (self.now_ms)();
        self.update_guest(id, |guest| {
            change(guest.open_mut(now_ms)?)?;
            Ok(guest.clone())
        })
        .await
    }

    /// Changes a guest's basket that is there; never makes one.
    pub(super) async fn update_guest<R: Send>(
        &self,
        id: &str,
        change: impl Fn(&mut GuestCart) -> Result<R, Error> + Send + Sync,
    ) -> Result<R, Error> {
        self.store
            .update(&guest_key(id), |guest: Option<GuestCart>| {
                let mut guest = guest.ok_or(Gone)?;
                let result = change(&mut guest)?;
                Ok((guest, result))
            })
            .await
    }
}

pub(super) fn guest_key(id: &str) -> String {
    format!("guest/{id}")
}
