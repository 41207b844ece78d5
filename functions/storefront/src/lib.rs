//! The web shop: pages, styles, scripts and pictures, embedded in the component.
//!
//! Plain HTML, CSS, SVG and ES modules, without a framework or a build step: the files in `assets/`
//! are served as they are. The pages use the public API of the gateway only.
//!
//! # Where the tokens are stored
//! The access token is a variable of one module in each tab and is lost with the page. The refresh
//! token is in `localStorage`, shared by all tabs of the browser, and exchanged by one tab at a
//! time under a Web Lock. That is a compromise, for these reasons:
//!
//! - A cookie that scripts can't read would be safer against injected scripts. It needs a backend
//!   for the frontend that stores sessions, sets the cookie and prevents forged requests, but this
//!   component is stateless and public. A cookie that scripts write would add the risk of forged
//!   requests without removing another risk.
//! - `sessionStorage` is separate for each tab: a new tab is signed out, and a duplicated tab has a
//!   copy of a single-use token, so that both are signed out when both renew.
//! - Memory alone would be the safest, but it would sign users out at each reload and in each new
//!   tab, and they would choose weaker passwords.
//!
//! What limits the damage: the content security policy allows scripts of this origin only and none
//! inline; the shop's scripts never turn text into markup; every refresh token works once, and
//! using one twice revokes all of its descendants; a session ends thirty days after its last use,
//! or when its owner signs out, in all tabs. The remaining risks are: a script that does run here
//! acts as the user for as long as the session lasts, and a later user of the same browser is still
//! signed in if the previous user did not sign out. The refresh token is opaque: no claims about
//! the user are in storage.
//!
//! # What else the browser keeps
//! In `localStorage`, the id of a guest cart and, if the user asks for it, an address; in
//! `sessionStorage`, the checkout form with the idempotency key of the order. Signing out removes
//! the address and the form.
//!
//! # Where a guest's cart is stored
//! On the server, under a random id that is stored in `localStorage`. The id gives access to that
//! cart only, and becomes invalid when the cart is merged into the user's cart at sign-in. While
//! the server can't create a cart, SKUs and quantities are stored in `localStorage`.

mod assets;
mod pictures;
mod routes;

#[cfg(target_family = "wasm")]
mod component;

pub use routes::router;
