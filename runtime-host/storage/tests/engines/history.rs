//! Concurrent reads and writes are linearizable: the test records them and checks whether there is
//! an order in which all of them could have happened one after the other.
//!
//! There are few keys, and the cache is too small for them, so that entries are inserted, evicted
//! and updated during lookups.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tessera_storage::{KeyValue, SwapError, embedded::Options};

use crate::harness::open;

const KEYS: u64 = 6;
const READERS: u64 = 4;
const WRITERS: u64 = 4;
const WRITES_PER_WRITER: u64 = 250;

/// Room for one or two values in each part of the cache.
const CACHE_BYTES: usize = 32 * 400;

type Content = Option<Vec<u8>>;

/// A write or a read of a key, between two ticks.
#[derive(Clone, Debug)]
struct Event {
    key: u64,
    content: Content,
    start: u64,
    end: u64,
}

#[derive(Default)]
struct History {
    ticks: AtomicU64,
    writes: Mutex<Vec<Event>>,
    reads: Mutex<Vec<Event>>,
}

impl History {
    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn note(&self, events: &Mutex<Vec<Event>>, key: u64, content: Content, start: u64) {
        let end = self.tick();
        events.lock().unwrap().push(Event { key, content, start, end });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_sees_what_was_replaced_before_it_began() {
    let options = Options { cache_bytes_max: CACHE_BYTES, ..Options::default() };
    let (_folder, _engine, store) = open(options).await;
    let history = Arc::new(History::default());

    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(Arc::clone(&store), Arc::clone(&history), writer)))
        .collect();
    let readers: Vec<_> = (0..READERS)
        .map(|reader| tokio::spawn(read(Arc::clone(&store), Arc::clone(&history), reader)))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for reader in readers {
        reader.abort();
        drop(reader.await);
    }
    let writes = history.writes.lock().unwrap().clone();
    let reads = history.reads.lock().unwrap().clone();
    assert!(reads.len() > 100, "{} reads are too few", reads.len());
    judge(&writes, &reads);
}

/// A mix of all writes; each content is written once, but for the absent one.
async fn write(store: Arc<dyn KeyValue>, history: Arc<History>, writer: u64) {
    for n in 0..WRITES_PER_WRITER {
        let key = (n * 7 + writer * 3) % KEYS;
        let content = format!("{writer}-{n}").into_bytes();
        let start = history.tick();
        match n % 4 {
            0 | 1 => store.set(name(key), content.clone()).await.unwrap(),
            2 => store.set_many(vec![(name(key), content.clone())]).await.unwrap(),
            _ if n % 8 == 3 => {
                store.delete(name(key)).await.unwrap();
                history.note(&history.writes, key, None, start);
                continue;
            }
            _ => {
                let read = store.read_versioned(name(key)).await.unwrap();
                history.note(&history.reads, key, read.value, start);
                match store.compare_and_swap(name(key), read.version, content.clone()).await {
                    Ok(_) => {}
                    Err(SwapError::Conflict(now)) => {
                        history.note(&history.reads, key, now.value, start);
                        continue;
                    }
                    Err(SwapError::Store(error)) => panic!("{error}"),
                }
            }
        }
        history.note(&history.writes, key, Some(content), start);
    }
}

async fn read(store: Arc<dyn KeyValue>, history: Arc<History>, reader: u64) {
    for n in reader.. {
        let key = n % KEYS;
        let start = history.tick();
        match n % 3 {
            0 | 1 => {
                let content = store.get(name(key)).await.unwrap();
                history.note(&history.reads, key, content, start);
            }
            _ => {
                let keys = [key, (key + 1) % KEYS];
                let contents = store.get_many(keys.map(name).to_vec()).await.unwrap();
                for (key, content) in keys.into_iter().zip(contents) {
                    history.note(&history.reads, key, content, start);
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

fn name(key: u64) -> String {
    format!("key-{key}")
}

/// A read is wrong if each write that it could be of began after it, or was replaced before it:
/// by a write in between, or by one that an earlier read has already seen.
fn judge(writes: &[Event], reads: &[Event]) {
    for key in 0..KEYS {
        let absent = Event { key, content: None, start: 0, end: 0 };
        let of_key = |event: &&Event| event.key == key;
        let writes: Vec<_> = std::iter::once(&absent).chain(writes.iter().filter(of_key)).collect();
        let mut reads: Vec<_> = reads.iter().filter(of_key).collect();
        let mut sources: HashMap<&Content, Vec<&Event>> = HashMap::new();
        for write in &writes {
            sources.entry(&write.content).or_default().push(write);
        }
        // The latest begin of a write that is known to be done: by its own end, or by a read.
        let seen = reads.iter().filter(|read| read.content.is_some());
        let seen = seen.map(|read| (read.end, sources[&read.content][0].start));
        let own = writes.iter().map(|write| (write.end, write.start));
        let mut done: Vec<_> = own.chain(seen).collect();
        done.sort_unstable();
        reads.sort_unstable_by_key(|read| read.start);
        let (mut next, mut latest) = (0, 0);
        for read in reads {
            while done.get(next).is_some_and(|(end, _)| *end < read.start) {
                latest = latest.max(done[next].1);
                next += 1;
            }
            let candidates = sources.get(&read.content).map_or(&[][..], Vec::as_slice);
            let fits = |write: &&Event| write.start < read.end && write.end >= latest;
            let shown = read.content.as_deref().map(String::from_utf8_lossy);
            assert!(candidates.iter().any(fits), "stale: {shown:?} in {read:?}, {candidates:?}");
        }
    }
}
