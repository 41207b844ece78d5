//! The service against a model without crashes: after any sequence of calls, crashes and waits, both
//! have the same result of each call, and the same pieces.

use super::*;
use std::collections::BTreeMap;

const SKUS: [&str; 3] = ["a", "b", "c"];
const RECEIVED: u32 = 4;

#[derive(Clone, Debug)]
enum Call {
    Reserve {
        id: u8,
        quantities: [u32; 3],
        ttl_ms: u64,
    },
    Commit(u8),
    Release(u8),
    TakeBack(u8),
    Wait(u64),
    /// The next call is interrupted after this many store operations, and then repeated.
    Crash(usize),
}

fn call() -> impl Strategy<Value = Call> {
    let id = 0..5u8;
    prop_oneof![
        4 => (id.clone(), prop::array::uniform3(0..3u32), 1..300u64)
            .prop_filter("some line", |(_, quantities, _)| quantities.iter().sum::<u32>() > 0)
            .prop_map(|(id, quantities, ttl_ms)| Call::Reserve { id, quantities, ttl_ms }),
        3 => id.clone().prop_map(Call::Commit),
        1 => id.clone().prop_map(Call::Release),
        1 => id.prop_map(Call::TakeBack),
        2 => (1..200u64).prop_map(Call::Wait),
        2 => (0..30usize).prop_map(Call::Crash),
    ]
}

#[derive(Clone, Debug, PartialEq)]
enum Status {
    Held { quantities: [u32; 3], until_ms: u64 },
    Sold { quantities: [u32; 3] },
    Refused { quantities: [u32; 3] },
    Over { quantities: Option<[u32; 3]> },
}

#[derive(Default)]
struct Model {
    statuses: BTreeMap<u8, Status>,
    now_ms: u64,
}

impl Model {
    fn expire(&mut self) {
        for status in self.statuses.values_mut() {
            if let Status::Held { quantities, until_ms } = status
                && *until_ms <= self.now_ms
            {
                *status = Status::Over { quantities: Some(*quantities) };
            }
        }
    }

    fn claims(&self, sku: usize) -> (u32, u32) {
        let (mut reserved, mut sold) = (0, 0);
        for status in self.statuses.values() {
            match status {
                Status::Held { quantities, .. } => reserved += quantities[sku],
                Status::Sold { quantities } => sold += quantities[sku],
                _ => {}
            }
        }
        (reserved, sold)
    }

    /// The expected result: `Ok`, or the name of the refusal.
    fn apply(&mut self, call: &Call) -> Result<(), &'static str> {
        self.expire();
        match call {
            Call::Reserve { id, quantities, ttl_ms } => self.reserve(*id, *quantities, *ttl_ms),
            Call::Commit(id) => match self.statuses.get(id).cloned() {
                None | Some(Status::Refused { .. }) => Err("not-found"),
                Some(Status::Over { .. }) => Err("expired"),
                Some(Status::Held { quantities, .. } | Status::Sold { quantities }) => {
                    self.statuses.insert(*id, Status::Sold { quantities });
                    Ok(())
                }
            },
            Call::Release(id) => match self.statuses.get(id) {
                Some(Status::Sold { .. }) => Err("committed"),
                _ => self.end(*id),
            },
            Call::TakeBack(id) => self.end(*id),
            Call::Wait(_) | Call::Crash(_) => Ok(()),
        }
    }

    fn end(&mut self, id: u8) -> Result<(), &'static str> {
        let over = match self.statuses.get(&id) {
            Some(Status::Held { quantities, .. } | Status::Sold { quantities }) => {
                Status::Over { quantities: Some(*quantities) }
            }
            None => Status::Over { quantities: None },
            Some(other) => other.clone(),
        };
        self.statuses.insert(id, over);
        Ok(())
    }

    fn reserve(&mut self, id: u8, wanted: [u32; 3], ttl_ms: u64) -> Result<(), &'static str> {
        match self.statuses.get(&id) {
            None => {}
            Some(Status::Over { quantities: None }) => return Err("expired"),
            Some(
                Status::Held { quantities, .. }
                | Status::Sold { quantities }
                | Status::Refused { quantities }
                | Status::Over { quantities: Some(quantities) },
            ) if *quantities != wanted => return Err("conflict"),
            Some(Status::Held { .. }) => return Ok(()),
            Some(Status::Sold { .. }) => return Err("committed"),
            Some(Status::Refused { .. }) => return Err("out-of-stock"),
            Some(Status::Over { .. }) => return Err("expired"),
        }
        let short = (0..3).any(|sku| {
            let (reserved, sold) = self.claims(sku);
            RECEIVED - reserved - sold < wanted[sku]
        });
        let until_ms = self.now_ms + ttl_ms;
        let status = if short {
            Status::Refused { quantities: wanted }
        } else {
            Status::Held { quantities: wanted, until_ms }
        };
        self.statuses.insert(id, status);
        if short { Err("out-of-stock") } else { Ok(()) }
    }
}

async fn perform<S: Store>(
    inventory: &Inventory<S>,
    call: &Call,
    now_ms: u64,
) -> Result<(), &'static str> {
    let result = match call {
        Call::Reserve { id, quantities, ttl_ms } => {
            let wanted: Vec<(&str, u32)> =
                SKUS.into_iter().zip(*quantities).filter(|(_, quantity)| *quantity > 0).collect();
            let id = id.to_string();
            inventory.reserve(&id, &lines(&wanted), *ttl_ms, now_ms).await.map(drop)
        }
        Call::Commit(id) => inventory.commit(&id.to_string(), now_ms).await,
        Call::Release(id) => inventory.release(&id.to_string()).await,
        Call::TakeBack(id) => inventory.take_back(&id.to_string(), now_ms).await,
        Call::Wait(_) | Call::Crash(_) => Ok(()),
    };
    result.map_err(|refusal| match refusal {
        Refusal::OutOfStock(_) => "out-of-stock",
        Refusal::NotFound(_) => "not-found",
        Refusal::Expired(_) => "expired",
        Refusal::Committed(_) => "committed",
        Refusal::Conflict(_) => "conflict",
        Refusal::Invalid(_) => "invalid",
        Refusal::Unavailable(_) => "unavailable",
    })
}

async fn run(calls: Vec<Call>) {
    let skus = SKUS.map(|sku| (sku, RECEIVED));
    let (store, inventory) = stocked(&skus).await;
    let mut model = Model::default();
    let mut crash = None;
    for call in &calls {
        match call {
            Call::Wait(ms) => model.now_ms += ms,
            Call::Crash(operations) => crash = Some(*operations),
            call => {
                if let Some(operations) = crash.take() {
                    let crashing =
                        Inventory::new(ScriptedStore::failing_after(operations, store.clone()));
                    let _ = perform(&crashing, call, model.now_ms).await;
                }
                let answer = perform(&inventory, call, model.now_ms).await;
                assert_eq!(answer, model.apply(call), "{call:?} of {calls:?}");
            }
        }
        model.expire();
        for (index, sku) in SKUS.into_iter().enumerate() {
            let (reserved, sold) = model.claims(index);
            let expected = (RECEIVED - reserved - sold, reserved, sold);
            let found = figures(&inventory, sku, model.now_ms).await;
            assert_eq!(found, expected, "{sku} after {call:?} of {calls:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn calls_crashes_and_waits_agree_with_the_model(
        calls in prop::collection::vec(call(), 1..40)
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(calls));
    }
}
