//! The pages of the mailbox: HTML without scripts.
//!
//! A mail is untrusted markup. It is shown in a frame with an empty `sandbox` (no scripts, no
//! forms, a separate origin) from `srcdoc`, which inherits the page's policy: no requests are made,
//! so that the sender can't find out that a mail was read.

use std::fmt::Write;

use chassis::clock::rfc3339;
use chassis::html::escape;

use crate::inbox::{Content, Kind, Summary};

/// The style of the pages, served at `/mailbox/style.css`.
pub(crate) const STYLE: &str = include_str!("style.css");

/// The list of all messages.
pub(crate) fn list(messages: &[Summary]) -> String {
    if messages.is_empty() {
        return page("Mailbox", "<p class=\"empty\">No messages yet. Order something!</p>");
    }
    let mut rows = String::new();
    for message in messages {
        // Writing to a string can't fail.
        let _ = write!(
            rows,
            "<li data-testid=\"mail\"><a href=\"/mailbox/{}\"><strong>{}</strong>\
             <span>{} to {}</span><time>{}</time></a></li>",
            escape(&message.id),
            escape(&message.subject),
            kind(message.kind),
            escape(&message.to),
            time(message.received_at_ms),
        );
    }
    page("Mailbox", &format!("<ol data-testid=\"mails\">{rows}</ol>"))
}

/// One message.
pub(crate) fn message(summary: &Summary, content: &Content) -> String {
    let html = content.html.as_ref().map_or_else(String::new, |html| {
        format!(
            "<iframe title=\"The message\" sandbox=\"\" data-testid=\"mail-html\" \
             srcdoc=\"{}\"></iframe>",
            escape(html)
        )
    });
    let open = if html.is_empty() { " open" } else { "" };
    let body = format!(
        "<p><a href=\"/mailbox\">All messages</a></p>\
         <dl><div><dt>To</dt><dd data-testid=\"mail-to\">{}</dd></div>\
         <div><dt>Kind</dt><dd>{}</dd></div><div><dt>Received</dt><dd>{}</dd></div></dl>{html}\
         <details{open}><summary>Plain text</summary><pre data-testid=\"mail-text\">{}</pre></details>",
        escape(&content.to),
        kind(content.kind),
        time(summary.received_at_ms),
        escape(&content.text),
    );
    page(&content.subject, &body)
}

/// The page of an unknown message.
pub(crate) fn missing() -> String {
    let text = "The mailbox contains only the newest messages. This message does not exist, or is too old.";
    let body = format!("<p>{text}</p><p><a href=\"/mailbox\">All messages</a></p>");
    page("Message not found", &body)
}

fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/mailbox/style.css\"></head><body>\
         <header><a href=\"/\">Tessera</a><span>Mails that the shop has sent</span></header>\
         <main><h1>{title}</h1>{body}</main></body></html>"
    )
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => "E-mail",
        Kind::Push => "Push message",
    }
}

/// `2026-01-31 12:00:05 UTC`.
fn time(ms: u64) -> String {
    let text = rfc3339(ms);
    let (date, rest) = text.split_once('T').unwrap_or((&text, ""));
    format!("{date} {} UTC", rest.get(..8).unwrap_or_default())
}
