//! The interface `log` of the contract, for operators.

use crate::domain::progress::{Dead, Progress, REPLAYS_MAX, Replay};
use crate::error::Result;
use crate::ports::Subscriber;
use crate::service::{Broker, copy_key, progress_key};
use chassis::clock::Clock;
use chassis::store::{Store, StoreError};
use std::collections::BTreeSet;
use tessera_events::{DeadLetter, Entry, Error, Progress as PublicProgress, Subscription};

/// The maximum number of entries in one response.
pub const READ_MAX: u32 = 500;
/// The maximum number of dead letters in one response.
pub const DEAD_LETTERS_READ_MAX: u32 = 100;
/// The number of entries that are read at once.
const PAGE: usize = 256;

impl<S: Store, D: Subscriber, C: Clock> Broker<S, D, C> {
    /// Events after a position (0: from the beginning), oldest first, at most `limit`.
    pub async fn read(&self, after: u64, limit: u32) -> Result<Vec<Entry>> {
        let limit = within(limit, READ_MAX)?;
        Ok(self.log.read(after, limit).await?)
    }

    /// The progress of each subscription, by name.
    pub async fn subscriptions(&self) -> Result<Vec<PublicProgress>> {
        let mut all = Vec::new();
        for subscription in self.subscriptions.iter() {
            all.push(self.public_progress(subscription).await?);
        }
        Ok(all)
    }

    async fn public_progress(&self, subscription: &Subscription) -> Result<PublicProgress> {
        let progress = self.load(subscription).await?;
        let mut lag_events = progress.waiting() as u64;
        let mut held_events = progress.held() as u64;
        let mut oldest_ms = self.oldest_open_ms(subscription, &progress).await?;
        let mut after = progress.cursor;
        loop {
            let entries = self.log.read(after, PAGE).await?;
            let Some(last) = entries.last() else { break };
            after = last.position;
            for entry in entries.iter().filter(|entry| subscription.wants(&entry.event.kind)) {
                lag_events += 1;
                // It is queued together with the next deliverable event.
                held_events += u64::from(progress.is_held(entry.event.partition_key()));
                oldest_ms =
                    Some(oldest_ms.map_or(entry.recorded_at_ms, |oldest: u64| {
                        oldest.min(entry.recorded_at_ms)
                    }));
            }
        }
        let now_ms = self.clock.now_ms();
        let retrying = progress.open.values().filter(|queue| queue.attempts > 0).count();
        Ok(PublicProgress {
            name: subscription.name.clone(),
            components: subscription.members.iter().map(|one| one.component.clone()).collect(),
            types: subscription.types.iter().map(|one| one.as_str().to_owned()).collect(),
            lag_events,
            lag_ms: oldest_ms.map_or(0, |oldest| now_ms.saturating_sub(oldest)),
            held_events,
            retrying_events: retrying as u64,
            dead_letters: progress.dead.len() as u64,
        })
    }

    async fn oldest_open_ms(
        &self,
        subscription: &Subscription,
        progress: &Progress,
    ) -> Result<Option<u64>, StoreError> {
        let Some(oldest) = progress.positions().first().copied() else { return Ok(None) };
        let entry = self.entry(&subscription.name, oldest).await?;
        Ok(entry.map(|entry| entry.recorded_at_ms))
    }

    /// Dead letters after the one with the id `after`, oldest first, at most `limit`. Pages with large
    /// events are shorter, so only an empty page is the end.
    pub async fn dead_letters(&self, after: Option<&str>, limit: u32) -> Result<Vec<DeadLetter>> {
        let limit = within(limit, DEAD_LETTERS_READ_MAX)?;
        let after = after.map(|id| LetterId::parse(id).ok_or_else(|| malformed(id))).transpose()?;
        let mut all = Vec::new();
        for subscription in self.subscriptions.iter() {
            let progress = self.load(subscription).await?;
            let letters = progress
                .dead
                .into_iter()
                .map(|dead| (LetterId::of(&subscription.name, &dead), dead));
            all.extend(letters.filter(|(id, _)| after.as_ref().is_none_or(|after| id > after)));
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (mut letters, mut bytes) = (Vec::new(), 0);
        for (id, dead) in all {
            if letters.len() >= limit {
                break;
            }
            let Some(entry) = self.entry(&id.subscription, dead.position).await? else { continue };
            bytes += entry.event.data.len();
            if bytes > crate::log::READ_BYTES_MAX && !letters.is_empty() {
                break;
            }
            letters.push(id.letter(dead, entry));
        }
        Ok(letters)
    }

    /// An event of a subscription, from the log or from its copy.
    async fn entry(&self, subscription: &str, position: u64) -> Result<Option<Entry>, StoreError> {
        let found = self.log.entries(&BTreeSet::from([position])).await?.remove(&position);
        match found {
            Some(entry) => Ok(Some(entry)),
            None => self.store.read(&copy_key(subscription, position)).await,
        }
    }

    /// Delivers a dead letter again, with a new set of attempts, and then the events of its key
    /// that waited for it.
    pub async fn replay(&self, id: &str) -> Result<()> {
        self.take(id, |progress, dead| progress.enqueue(&dead.key, dead.position)).await.map(drop)
    }

    /// Discards a dead letter. The events of its key that waited for it are delivered.
    pub async fn discard(&self, id: &str) -> Result<()> {
        let (subscription, dead) = self.take(id, |_, _| {}).await?;
        Ok(self.store.delete(&copy_key(&subscription, dead.position)).await?)
    }

    /// Removes a dead letter and applies a change in the same write.
    async fn take(
        &self,
        id: &str,
        with: impl Fn(&mut Progress, &Dead) + Send + Sync,
    ) -> Result<(String, Dead)> {
        let letter = LetterId::parse(id).ok_or_else(|| missing(id))?;
        self.subscription(&letter.subscription)?;
        let take = |progress: &mut Progress| -> Result<_> {
            let is_it = |dead: &Dead| LetterId::of(&letter.subscription, dead) == letter;
            let index = progress.dead.iter().position(is_it);
            let dead = index.and_then(|index| progress.dead.remove(index));
            let dead = dead.ok_or_else(|| missing(id))?;
            with(progress, &dead);
            Ok(dead)
        };
        let dead = self.store.modify(&progress_key(&letter.subscription), take).await?;
        Ok((letter.subscription, dead))
    }

    /// Delivers all dead letters of a key again, and the events that waited for them. Returns the
    /// number of events.
    pub async fn replay_key(&self, name: &str, key: &str) -> Result<u64> {
        self.subscription(name)?;
        let revive = |progress: &mut Progress| {
            let missing =
                || Error::NotFound(format!("`{name}` has no dead letter of the key `{key}`"));
            let count = progress.revive(key).ok_or_else(missing)?;
            Ok(count as u64)
        };
        self.store.modify(&progress_key(name), revive).await
    }

    /// Delivers the matching events of a period (milliseconds since the epoch, `until_ms` exclusive)
    /// to a subscription again, as far as they were queued. Returns their number. Dead letters among
    /// them become pending events.
    pub async fn replay_range(&self, name: &str, from_ms: u64, until_ms: u64) -> Result<u64> {
        let subscription = self.subscription(name)?;
        if from_ms >= until_ms {
            let text = "the period is empty: `from` must be before `until`";
            return Err(Error::Invalid(text.to_owned()).into());
        }
        let cursor = self.load(subscription).await?.cursor;
        let (count, span) = self.span(subscription, cursor, from_ms, until_ms).await?;
        let Some(span) = span else { return Ok(0) };
        let add = |progress: &mut Progress| {
            if progress.replays.len() >= REPLAYS_MAX {
                let text = format!("{REPLAYS_MAX} periods are already being replayed");
                return Err(Error::Unavailable(text).into());
            }
            progress.replays.push(span);
            Ok(count)
        };
        self.store.modify(&progress_key(name), add).await
    }

    async fn span(
        &self,
        subscription: &Subscription,
        cursor: u64,
        from_ms: u64,
        until_ms: u64,
    ) -> Result<(u64, Option<Replay>)> {
        let (mut count, mut span, mut after) = (0, None::<Replay>, 0);
        loop {
            let entries = self.log.read(after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok((count, span)) };
            after = last.position;
            let asked = entries.iter().filter(|entry| {
                entry.position <= cursor
                    && (from_ms..until_ms).contains(&entry.recorded_at_ms)
                    && subscription.wants(&entry.event.kind)
            });
            for entry in asked {
                count += 1;
                let begin = span.map_or(entry.position - 1, |span| span.after);
                span = Some(Replay { after: begin, through: entry.position });
            }
        }
    }

    fn subscription(&self, name: &str) -> Result<&Subscription> {
        let found = self.subscriptions.iter().find(|subscription| subscription.name == name);
        Ok(found.ok_or_else(|| Error::NotFound(format!("there is no subscription `{name}`")))?)
    }
}

fn within(limit: u32, max: u32) -> Result<usize> {
    if (1..=max).contains(&limit) {
        return Ok(limit as usize);
    }
    Err(Error::Invalid(format!("the limit {limit} is not within 1 to {max}")).into())
}

fn malformed(id: &str) -> Error {
    Error::Invalid(format!("`{id}` is not the id of a dead letter"))
}

fn missing(id: &str) -> Error {
    Error::NotFound(format!("there is no dead letter `{id}`"))
}

/// The id of a dead letter: its time, its event and its subscription. Dead letters are sorted by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LetterId {
    died_at_ms: u64,
    position: u64,
    subscription: String,
}

impl LetterId {
    fn of(subscription: &str, dead: &Dead) -> LetterId {
        let subscription = subscription.to_owned();
        LetterId { died_at_ms: dead.died_at_ms, position: dead.position, subscription }
    }

    fn parse(id: &str) -> Option<LetterId> {
        let mut parts = id.splitn(3, '-');
        let mut number = || parts.next()?.parse().ok();
        let (died_at_ms, position) = (number()?, number()?);
        Some(LetterId { died_at_ms, position, subscription: parts.next()?.to_owned() })
    }

    fn letter(self, dead: Dead, entry: Entry) -> DeadLetter {
        DeadLetter {
            id: format!("{}-{}-{}", self.died_at_ms, self.position, self.subscription),
            subscription: self.subscription,
            entry,
            reason: dead.reason,
            detail: dead.detail,
            attempts: dead.attempts,
            first_seen_at_ms: dead.first_seen_at_ms,
            died_at_ms: dead.died_at_ms,
        }
    }
}
