//! Calls the contract of `{{name}}`: `POST` a text, and get the number of its words.
#![cfg(target_family = "wasm")]

mod component;
