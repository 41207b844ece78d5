//! Many requests.

use futures::{StreamExt, stream};
use harness::{Answer, Client};

/// Sends `count` requests for a path, `concurrent` of them at the same time. Returns the responses.
pub(crate) async fn load(
    client: &Client,
    path: &str,
    count: usize,
    concurrent: usize,
) -> Vec<Answer> {
    let requests = stream::iter(0..count).map(|_| client.get(path));
    requests.buffer_unordered(concurrent).collect().await
}

/// How many of these responses have a status.
pub(crate) fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}
