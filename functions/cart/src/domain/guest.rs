//! The cart of a guest: a visitor who has not signed in. Its id, a long random name, is the only
//! credential for it.
//!
//! When the guest signs in, the cart is merged into the user's cart. The two are different values,
//! and no write changes both. So the guest cart is first *claimed* for one user, which freezes its
//! lines; then the user's cart takes the lines and records this in the same write; then the guest
//! cart is closed. Each step can be repeated, and after a crash all of them are.

use serde::{Deserialize, Serialize};

use super::Refused::{self, Gone};
use super::{Cart, Line};

/// How long a guest cart with items is kept after its last change, in milliseconds: a week.
pub const GUEST_TTL_MS: u64 = 7 * 86_400_000;
/// How long an empty guest cart is kept, in milliseconds: an hour.
pub const GUEST_EMPTY_TTL_MS: u64 = 3_600_000;

/// A guest cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestCart {
    cart: Cart,
    /// The time of the last change, in milliseconds since the epoch.
    touched_at_ms: u64,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// In use.
    Open,
    /// Being merged into this user's cart. Its lines do not change any more.
    Claimed { user_id: String },
    /// It was merged or deleted.
    Closed { user_id: Option<String> },
}

impl GuestCart {
    /// An empty cart.
    pub fn new(now_ms: u64) -> GuestCart {
        GuestCart { cart: Cart::default(), touched_at_ms: now_ms, state: State::Open }
    }

    /// When it expires, unless it is changed before; in milliseconds since the epoch.
    pub fn expires_at_ms(&self) -> u64 {
        let is_empty = self.state == State::Open && self.cart.lines.is_empty();
        let kept_ms = if is_empty { GUEST_EMPTY_TTL_MS } else { GUEST_TTL_MS };
        self.touched_at_ms.saturating_add(kept_ms)
    }

    /// Closes the cart if it has expired. Returns whether it has and can be deleted. Claimed and
    /// closed carts expire like open ones: their user may repeat the request.
    pub fn retire(&mut self, now_ms: u64) -> bool {
        let over = now_ms >= self.expires_at_ms();
        if over {
            self.close(None);
        }
        over
    }

    /// The content, while the cart is in use.
    pub fn open(&self, now_ms: u64) -> Result<&Cart, Refused> {
        match self.state {
            State::Open if now_ms < self.expires_at_ms() => Ok(&self.cart),
            _ => Err(Gone),
        }
    }

    /// The content, to be changed now.
    pub fn open_mut(&mut self, now_ms: u64) -> Result<&mut Cart, Refused> {
        self.open(now_ms)?;
        self.touched_at_ms = now_ms;
        Ok(&mut self.cart)
    }

    /// Claims the cart for a user. Returns the lines to be merged into the user's cart; `None` if
    /// they were merged. The same user can claim it again.
    pub fn claim(&mut self, user_id: &str, now_ms: u64) -> Result<Option<Vec<Line>>, Refused> {
        match &self.state {
            State::Open => {
                self.open(now_ms)?;
                self.touched_at_ms = now_ms;
                self.state = State::Claimed { user_id: user_id.to_owned() };
            }
            State::Claimed { user_id: of } if of == user_id => {}
            State::Closed { user_id: Some(of) } if of == user_id => return Ok(None),
            State::Claimed { .. } | State::Closed { .. } => return Err(Gone),
        }
        Ok(Some(self.cart.lines.clone()))
    }

    /// Closes the cart after its lines were merged into this user's cart, or were discarded.
    pub fn close(&mut self, user_id: Option<&str>) {
        self.cart.lines.clear();
        self.state = State::Closed { user_id: user_id.map(str::to_owned) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest() -> GuestCart {
        let mut guest = GuestCart::new(1_000);
        guest.open_mut(1_000).unwrap().put("A", 2).unwrap();
        guest
    }

    #[test]
    fn a_cart_expires_a_week_after_its_last_change() {
        let mut guest = guest();
        assert!(guest.open(999 + GUEST_TTL_MS).is_ok());
        assert_eq!(guest.open(1_000 + GUEST_TTL_MS), Err(Gone));
        guest.open_mut(500_000).unwrap().put("B", 1).unwrap();
        assert!(guest.open(1_000 + GUEST_TTL_MS).is_ok());
        assert_eq!(guest.open_mut(500_000 + GUEST_TTL_MS), Err(Gone));
        assert_eq!(guest.claim("usr_1", 500_000 + GUEST_TTL_MS), Err(Gone));
        assert!(!guest.retire(499_999 + GUEST_TTL_MS));
        assert!(guest.retire(500_000 + GUEST_TTL_MS));
        assert_eq!(guest.open(1_000), Err(Gone), "a late change fails");
    }

    #[test]
    fn an_empty_cart_expires_sooner() {
        let mut guest = GuestCart::new(1_000);
        assert!(guest.open(999 + GUEST_EMPTY_TTL_MS).is_ok());
        assert_eq!(guest.open(1_000 + GUEST_EMPTY_TTL_MS), Err(Gone));
        guest.open_mut(1_000).unwrap().put("A", 1).unwrap();
        assert!(guest.open(999 + GUEST_TTL_MS).is_ok());
        guest.open_mut(2_000).unwrap().remove("A");
        assert!(guest.retire(2_000 + GUEST_EMPTY_TTL_MS));
    }

    #[test]
    fn a_cart_is_claimed_for_one_user_and_frozen() {
        let mut guest = guest();
        let lines = guest.claim("usr_1", 2_000).unwrap().unwrap();
        assert_eq!((lines[0].sku.as_str(), lines[0].quantity), ("A", 2));
        assert_eq!(guest.open_mut(2_000), Err(Gone));
        assert_eq!(guest.claim("usr_2", 2_000), Err(Gone));
        let late = 9 * GUEST_TTL_MS;
        assert_eq!(
            guest.claim("usr_1", late),
            Ok(Some(lines)),
            "a claim does not expire for its user"
        );
        assert!(!guest.retire(1_999 + GUEST_TTL_MS));
        guest.close(Some("usr_1"));
        assert_eq!(guest.claim("usr_1", 2_000), Ok(None));
        assert_eq!(guest.claim("usr_2", 2_000), Err(Gone));
        assert!(!guest.retire(1_999 + GUEST_TTL_MS));
        assert!(guest.retire(2_000 + GUEST_TTL_MS));
        assert_eq!(guest.claim("usr_1", 2_000), Err(Gone));
    }
}
