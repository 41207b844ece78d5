//! One file: a queue with its writer, and the readers beside it.

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{
    lock::{Lock, sync_folder_of},
    meter::Meter,
    operation::{Operation, Served},
    queries::{self, Claim},
    readers::Readers,
    schema, subscriptions,
    tail::Tail,
    writer::{Job, Pending, Writer},
};
use crate::{Error, Options, Progress, Result, Subscription, delivery::Claimed};

pub(super) struct Database {
    options: Options,
    subscriptions: Vec<Arc<Subscription>>,
    served: Vec<Served>,
    meter: Arc<Meter>,
    /// Of `served`, in that order.
    tails: Arc<[Tail]>,
    readers: Arc<Readers>,
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    queue_bytes: Arc<Semaphore>,
    /// How the writer ended, once it has.
    ended: watch::Receiver<Option<Result<()>>>,
}

impl Database {
    /// Opens the file, creating it if need be, and starts its writer. Blocks.
    pub(super) fn open(
        path: &Path,
        options: Options,
        subscriptions: Vec<Subscription>,
    ) -> Result<Self> {
        subscriptions::check(&subscriptions)?;
        let lock = Lock::take(path)?;
        let mut connection = schema::open_writer(path, &options)?;
        sync_folder_of(path)?;
        let explain = |error| schema::sqlite_error(path, &error);
        let served = subscriptions::bring_up_to_date(&mut connection, subscriptions, &options)
            .map_err(explain)?;
        let (statistics, counts) = subscriptions::figures(&connection, &served).map_err(explain)?;
        let meter = Arc::new(Meter::new(statistics, &counts));
        let recorded_at_ms = queries::recorded_at_ms(&connection).map_err(explain)?;
        let youngest = queries::youngest_position(&connection).map_err(explain)?.cast_unsigned();
        let tails = (0..served.len()).map(|_| Tail::default()).collect::<Arc<[_]>>();
        for (place, tail) in tails.iter().enumerate() {
            tail.state().begin(youngest, meter.read(place)[0]);
        }
        let writer = Writer {
            path: path.to_owned(),
            connection,
            options: options.clone(),
            served: served.clone(),
            meter: Arc::clone(&meter),
            tails: Arc::clone(&tails),
            recorded_at_ms,
            youngest,
            tidied_through: 0,
            lock,
        };
        let (queue, jobs) = mpsc::channel(options.queue_length_max.max(1));
        let ended = start(writer, jobs)?;
        let readers = Readers::new(path.to_owned(), options.readers_max, options.busy_timeout);
        Ok(Self {
            queue_bytes: Arc::new(Semaphore::new(queue_bytes_max(&options) as usize)),
            subscriptions: served.iter().map(|served| Arc::clone(&served.subscription)).collect(),
            served,
            options,
            meter,
            tails,
            readers: Arc::new(readers),
            queue: Mutex::new(Some(queue)),
            ended,
        })
    }

    /// Queues an operation, waiting for room, and gives its answer after the commit.
    pub(super) async fn write<O: Operation>(&self, operation: O) -> Result<O::Answer> {
        // One that is larger than the whole queue has the queue to itself.
        let bytes = u32::try_from(operation.bytes()).unwrap_or(u32::MAX);
        let bytes = bytes.min(queue_bytes_max(&self.options));
        let room = Arc::clone(&self.queue_bytes).acquire_many_owned(bytes).await;
        let room = room.map_err(|_| closed())?;

        let (caller, answer) = oneshot::channel();
        let pending = Pending { operation, outcome: None, caller, _bytes: room };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or_else(closed)?;
        queue.send(Box::new(pending)).await.map_err(|_| closed())?;
        drop(queue);
        answer.await.map_err(|_| closed())?
    }

    /// Runs a query beside the writer.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.read(query).await
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The subscriptions that are served.
    pub(super) fn served(&self) -> &[Arc<Subscription>] {
        &self.subscriptions
    }

    /// The place of a subscription among those.
    pub(super) fn place(&self, name: &str) -> Result<usize> {
        let place = self.subscriptions.iter().position(|subscription| subscription.name == name);
        place.ok_or_else(|| Error::NotFound(format!("there is no subscription `{name}`")))
    }

    pub(super) fn check_place(&self, place: usize) -> Result<&Served> {
        let missing = || Error::NotFound(format!("there is no subscription number {place}"));
        self.served.get(place).ok_or_else(missing)
    }

    /// Looks for work: among the rows, which are older, and then in the tail. What is in the tail
    /// costs no query, nor does a look at rows of which none can be due.
    pub(super) async fn claim(
        &self,
        place: usize,
        busy: Vec<Arc<str>>,
        limit: usize,
    ) -> Result<Claimed> {
        let (served, tail) = (self.check_place(place)?, &self.tails[place]);
        let now_ms = self.options.clock.now_ms();
        let bytes_max = self.options.delivery_bytes_max;
        let mut busy = busy.into_iter().collect::<HashSet<_>>();
        let mut claimed = match tail.look_for_rows(now_ms) {
            Ok(look) => {
                let served = served.clone();
                let claim = Claim { served, busy: busy.clone(), limit, now_ms, bytes_max };
                let found = self.read(move |connection| claim.run(connection)).await?;
                if found.idle {
                    tail.rows_are_idle(look, found.next_ms.unwrap_or(u64::MAX));
                }
                Claimed { pause: pause(found.next_ms, now_ms), work: found.work }
            }
            Err(next_ms) => Claimed { pause: pause(next_ms, now_ms), work: Vec::new() },
        };
        // A key may have moved meanwhile, from one to the other.
        busy.extend(claimed.work.iter().map(|work| Arc::clone(&work.key)));
        let room = limit.saturating_sub(claimed.work.len());
        claimed.work.append(&mut tail.next(served, &busy, room, bytes_max));
        Ok(claimed)
    }

    /// How far each subscription is, by name.
    pub(super) async fn progress(&self) -> Result<Vec<Progress>> {
        let numbers = self.served.iter().map(|served| served.number).collect::<Vec<_>>();
        let query = move |connection: &Connection| {
            let figures = |number: &i64| {
                let held = queries::held(connection, *number)?;
                Ok((queries::oldest_pending(connection, *number)?, held))
            };
            numbers.iter().map(figures).collect::<rusqlite::Result<Vec<_>>>()
        };
        let read = self.read(query).await?;
        let now_ms = self.options.clock.now_ms();
        let mut all = Vec::with_capacity(read.len());
        for (place, (subscription, read)) in self.subscriptions.iter().zip(read).enumerate() {
            let (oldest, held) = read;
            let [lag_events, retrying_events, dead_letters] = self.meter.read(place);
            // The figures may be younger than the answer of the file.
            let oldest = oldest.into_iter().chain(self.tails[place].oldest()).min();
            let oldest = oldest.filter(|_| lag_events > 0);
            all.push(Progress {
                name: subscription.name.clone(),
                components: subscription.members.iter().map(|m| m.component.clone()).collect(),
                types: subscription.types.iter().map(ToString::to_string).collect(),
                lag_events,
                lag_ms: oldest.map_or(0, |oldest| now_ms.saturating_sub(oldest)),
                held_events: held.min(lag_events),
                retrying_events,
                dead_letters,
            });
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Lets running reads and accepted operations finish, then closes the file.
    pub(super) async fn close(&self) -> Result<()> {
        self.readers.close().await;
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut ended = self.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await;
        match outcome.map(|outcome| outcome.clone()) {
            Ok(outcome) => outcome.unwrap_or(Ok(())),
            Err(_) => Err(Error::Unavailable("the writer of the event log has died".to_owned())),
        }
    }
}

/// Starts the thread of the writer.
fn start(
    writer: Writer,
    jobs: mpsc::Receiver<Box<dyn Job>>,
) -> Result<watch::Receiver<Option<Result<()>>>> {
    let (ending, ended) = watch::channel(None);
    let run = move || drop(ending.send(Some(writer.run(jobs))));
    match thread::Builder::new().name("tessera-events".to_owned()).spawn(run) {
        Ok(_) => Ok(ended),
        Err(error) => {
            Err(Error::Unavailable(format!("cannot start the writer of the event log: {error}")))
        }
    }
}

/// From now until then.
fn pause(next_ms: Option<u64>, now_ms: u64) -> Option<Duration> {
    next_ms.map(|next_ms| Duration::from_millis(next_ms.saturating_sub(now_ms)))
}

fn queue_bytes_max(options: &Options) -> u32 {
    u32::try_from(options.queue_bytes_max.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX)
}

pub(super) fn closed() -> Error {
    Error::Unavailable("the event log is closed".to_owned())
}
