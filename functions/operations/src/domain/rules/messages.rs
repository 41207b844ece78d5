//! Messages: exactly one about each change that customers are notified of.

use crate::domain::Violation;
use crate::domain::books::{Message, MessageStatus};
use crate::domain::view::View;
use std::collections::{BTreeMap, BTreeSet};

/// The changes of an order that its customer is notified of, with the suffixes that the requests of
/// the messages add to `<order>:<status>`.
const NOTIFIED: [(&str, &[&str]); 6] = [
    ("confirmed", &[""]),
    ("rejected", &[""]),
    ("cancelled", &[""]),
    ("shipped", &["", ":push"]),
    ("delivered", &["", ":push"]),
    ("returned", &[""]),
];

/// At most one message is sent about an order with one text through one channel.
pub(super) fn message_doubled(view: &View<'_>) -> Vec<Violation> {
    let mut sent = BTreeMap::<_, Vec<&Message>>::new();
    for message in view.books.messages.iter().filter(|message| message.sends > 0) {
        let key = (message.about(), message.template_code.as_str(), message.channel);
        sent.entry(key).or_default().push(message);
    }
    let doubled =
        sent.into_iter().filter(|(_, all)| all.iter().map(|it| it.sends).sum::<u32>() > 1);
    doubled
        .map(|((about, template, channel), all)| Violation {
            rule: "message-doubled",
            detail: format!("{template} by {channel:?} about {about}"),
            ids: all.iter().map(|message| message.notification_id.clone()).collect(),
        })
        .collect()
}

/// There is a message about each change that customers are notified of, after notifications must
/// have processed its event.
pub(super) fn message_missing(view: &View<'_>) -> Vec<Violation> {
    let requests = view.books.messages.iter().map(|message| message.request_id.as_str());
    let requests: BTreeSet<&str> = requests.collect();
    let mut found = Vec::new();
    for order in view.at_rest() {
        let changes = view.stream(&order.id).map_or(&[][..], |stream| &stream.changes);
        for (status, _) in changes.iter().filter(|(_, at_ms)| view.question.is_due(*at_ms)) {
            let missing = due(&order.id, status).filter(|it| !requests.contains(it.as_str()));
            found.extend(missing.map(|request| {
                let detail = format!("no message was requested as {request}");
                Violation::new("message-missing", detail, [&order.id])
            }));
        }
    }
    found
}

/// The requests of all messages about a change of an order.
fn due<'a>(order_id: &'a str, status: &'a str) -> impl Iterator<Item = String> + 'a {
    let notified = NOTIFIED.iter().filter(move |(notified, _)| *notified == status);
    notified
        .flat_map(|(_, suffixes)| suffixes.iter())
        .map(move |suffix| format!("{order_id}:{status}{suffix}"))
}

/// No message is pending when no work should be in progress.
pub(super) fn message_unfinished(view: &View<'_>) -> Vec<Violation> {
    if !view.question.quiescent {
        return Vec::new();
    }
    let messages = view.books.messages.iter();
    let pending = messages.filter(|message| message.status == MessageStatus::Pending);
    let violation = |message: &Message| {
        let detail = format!("{} has not been sent", message.template_code);
        Violation::new("message-unfinished", detail, [&message.notification_id])
    };
    pending.map(violation).collect()
}
