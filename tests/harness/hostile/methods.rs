//! Long, unknown methods, each of them different. A host that keeps them, for example as labels of
//! its metrics, grows with each request.

use crate::Stranger;
use std::io;

/// How long a method is.
const LENGTH: usize = 20_000;
/// This many of the same letter in a row are found in these methods only.
const TELLTALE_LENGTH: usize = 100;

/// Send a request with the `number`th of these methods. Returns the answer.
pub async fn ask(stranger: &Stranger, path: &str, number: usize) -> io::Result<String> {
    let method = format!("M{number}{}", "X".repeat(LENGTH));
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: test.example\r\nconnection: close\r\n\r\n");
    stranger.exchange(request.as_bytes()).await
}

/// Whether a text contains one of these methods.
pub fn are_in(text: &str) -> bool {
    text.contains(&"X".repeat(TELLTALE_LENGTH))
}
