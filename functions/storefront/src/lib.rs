//! The web shop: pages, styles, scripts and pictures, all inside the component.
//!
//! Plain HTML, CSS and ES modules, without a framework or a build step: what is in `assets/`
//! is what the browser gets. The pages call the public API of the gateway and nothing else.
//!
//! # Where the tokens live
//! The access token is a variable of one module and goes with the page. The refresh token is
//! in `sessionStorage`. That is a compromise, and this is the weighing:
//!
//! - A cookie that scripts can't read would be safer against scripts that were smuggled in.
//!   It needs a backend for the frontend that holds sessions, sets the cookie and defends
//!   against forged requests; this component is stateless and public, and pretending with a
//!   cookie that scripts write would add the risk of forged requests and take none away.
//! - Memory alone would be safest, and sign people out at each reload. They would choose
//!   weaker passwords.
//! - `localStorage` is shared by all tabs and never ends: refused.
//!
//! What limits the damage: the content security policy allows scripts of this origin only and
//! none inline; the shop's scripts never turn text into markup; every refresh token works
//! once, and using one twice revokes all of its descendants; closing the tab ends the session
//! in the browser, signing out ends it at the shop. What remains: a script that does run here
//! acts as the user for as long as the tab is open, as it could with any other storage.
//! A duplicated tab copies the storage; when both renew, the shop sees one token twice and
//! both are signed out: the safe side of the mistake.
//!
//! # Where a guest's cart is
//! At the shop, under a random id in `localStorage`. Who reads the id sees that cart and
//! nothing else; it is of no use once the cart went into somebody's own at sign-in. While the
//! shop can't begin one, SKUs and quantities wait in the browser.

mod assets;
pub mod pictures;
mod routes;

#[cfg(target_family = "wasm")]
mod component;

pub use routes::router;
