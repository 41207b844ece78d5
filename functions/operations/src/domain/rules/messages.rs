//! Messages: exactly one about each change that customers are notified of.

use super::Report;
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
pub(super) fn message_doubled(view: &View<'_>, report: &mut Report) {
    let mut sent = BTreeMap::<_, Vec<&Message>>::new();
    for message in view.books.messages.iter().filter(|message| message.sends > 0) {
        let key = (message.about(), message.template_code.as_str(), message.channel);
        sent.entry(key).or_default().push(message);
    }
    for ((about, template, channel), all) in sent {
        if all.iter().map(|message| message.sends).sum::<u32>() > 1 {
            let detail = format!("{template} by {channel:?} about {about}");
            report.add(detail, all.iter().map(|message| &message.notification_id));
        }
    }
}

/// There is a message about each change that customers are notified of, after notifications must
/// have processed its event.
pub(super) fn message_missing(view: &View<'_>, report: &mut Report) {
    let requests = view.books.messages.iter().map(|message| message.request_id.as_str());
    let requests: BTreeSet<&str> = requests.collect();
    for order in view.at_rest() {
        let changes = view.stream(&order.id).map_or(&[][..], |stream| &stream.changes);
        for (status, _) in changes.iter().filter(|(_, at_ms)| view.question.is_due(*at_ms)) {
            for request in due(&order.id, status).filter(|it| !requests.contains(it.as_str())) {
                report.add(format!("no message was requested as {request}"), [&order.id]);
            }
        }
    }
}

/// The requests of all messages about a change of an order.
fn due<'a>(order_id: &'a str, status: &'a str) -> impl Iterator<Item = String> + 'a {
    let notified = NOTIFIED.iter().filter(move |(notified, _)| *notified == status);
    notified
        .flat_map(|(_, suffixes)| suffixes.iter())
        .map(move |suffix| format!("{order_id}:{status}{suffix}"))
}

/// No message is pending when no work should be in progress.
pub(super) fn message_unfinished(view: &View<'_>, report: &mut Report) {
    let is_late =
        |message: &&Message| view.question.quiescent && message.status == MessageStatus::Pending;
    for message in view.books.messages.iter().filter(is_late) {
        let detail = format!("{} has not been sent", message.template_code);
        report.add(detail, [&message.notification_id]);
    }
}
