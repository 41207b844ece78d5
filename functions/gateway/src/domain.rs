//! What the gateway decides by itself: which paths are safe, where they lead,
//! which headers cross the border, how much is too much.

pub mod accept;
pub mod address;
pub mod cors;
pub mod headers;
pub mod local;
pub mod path;
pub mod quota;
pub mod route;
pub mod table;
pub mod validators;
