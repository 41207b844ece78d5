//! Many at once, over a store that lets another task in at every operation.

use super::*;

/// Yields around every operation, so that tasks interleave between any two of them.
#[derive(Clone)]
struct Yielding(MemoryStore);

impl Store for Yielding {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        tokio::task::yield_now().await;
        self.0.get(key).await
    }
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        self.0.set(key, value).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        self.0.delete(key).await
    }
    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        tokio::task::yield_now().await;
        self.0.increment(key, delta).await
    }
    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        tokio::task::yield_now().await;
        self.0.compare_and_swap(key, expected, new).await
    }
}

async fn yielding(skus: &[(&str, u32)]) -> Inventory<Yielding> {
    let (store, _) = stocked(skus).await;
    Inventory::new(Yielding(store))
}

/// Repeats a call while its answer is `Unavailable`, as a caller would.
macro_rules! until_available {
    ($call:expr) => {
        loop {
            match $call.await {
                Err(Refusal::Unavailable(_)) => tokio::task::yield_now().await,
                other => break other,
            }
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_the_last_ten_pieces_get_exactly_ten() {
    let inventory = yielding(&[("a", 10)]).await;
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let inventory = inventory.clone();
            tokio::spawn(async move {
                let (id, wanted) = (format!("r{n}"), lines(&[("a", 1)]));
                if until_available!(inventory.reserve(&id, &wanted, TTL, 0)).is_err() {
                    return false;
                }
                until_available!(inventory.commit(&id, 0)).unwrap();
                true
            })
        })
        .collect();
    let mut sold = 0;
    for task in tasks {
        sold += u32::from(task.await.unwrap());
    }
    assert_eq!(sold, 10);
    assert_eq!(figures(&inventory, "a", 0).await, (0, 0, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn baskets_that_overlap_never_oversell_and_leave_nothing_held() {
    let inventory = yielding(&[("a", 6), ("b", 6), ("c", 6)]).await;
    let pairs = [[("a", 2), ("b", 1)], [("b", 2), ("c", 1)], [("c", 2), ("a", 1)]];
    let tasks: Vec<_> = (0..30)
        .map(|n| {
            let inventory = inventory.clone();
            let wanted = lines(&pairs[n % 3]);
            tokio::spawn(async move {
                let id = format!("r{n}");
                if until_available!(inventory.reserve(&id, &wanted, TTL, 0)).is_ok() {
                    until_available!(inventory.commit(&id, 0)).unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for sku in ["a", "b", "c"] {
        let (_, reserved, sold) = figures(&inventory, sku, 0).await;
        assert!(reserved == 0 && sold <= 6, "{sku}: {reserved} reserved, {sold} sold");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_reserve_sent_many_times_at_once_holds_once_and_is_not_refused() {
    for _ in 0..20 {
        let inventory = yielding(&[("a", 3), ("b", 3)]).await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let inventory = inventory.clone();
                tokio::spawn(async move {
                    let wanted = lines(&[("a", 3), ("b", 3)]);
                    until_available!(inventory.reserve("r", &wanted, TTL, 0))
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap().is_ok());
        }
        inventory.commit("r", 0).await.unwrap();
        for sku in ["a", "b"] {
            assert_eq!(figures(&inventory, sku, 9 * TTL).await, (0, 0, 3));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_release_expiry_and_return_racing_agree_on_one_outcome() {
    for round in 0..60 {
        let inventory = yielding(&[("a", 2), ("b", 2)]).await;
        inventory.reserve("r", &lines(&[("a", 1), ("b", 1)]), TTL, 0).await.unwrap();
        let racers: Vec<_> = (0..4)
            .map(|racer| {
                let inventory = inventory.clone();
                tokio::spawn(async move {
                    let _ = match (racer + round) % 4 {
                        0 => inventory.commit("r", TTL - 1).await,
                        1 => inventory.release("r").await,
                        2 => inventory.levels("a", TTL).await.map(drop),
                        _ => inventory.commit("r", TTL - 1).await,
                    };
                })
            })
            .collect();
        for racer in racers {
            racer.await.unwrap();
        }
        let a = figures(&inventory, "a", TTL).await;
        assert_eq!(a, figures(&inventory, "b", TTL).await);
        assert!(a == (2, 0, 0) || a == (1, 0, 1), "{a:?}");
        let sold = inventory.commit("r", TTL - 1).await.is_ok();
        assert_eq!(sold, a.2 == 1);
        inventory.take_back("r", TTL).await.unwrap();
        assert_eq!(figures(&inventory, "a", TTL).await, (2, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_taken_back_by_many_at_once_counts_once() {
    for _ in 0..20 {
        let inventory = yielding(&[("a", 5)]).await;
        for id in ["r", "s"] {
            inventory.reserve(id, &lines(&[("a", 2)]), TTL, 0).await.unwrap();
            inventory.commit(id, 0).await.unwrap();
        }
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let inventory = inventory.clone();
                tokio::spawn(async move { until_available!(inventory.take_back("r", 0)) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(figures(&inventory, "a", 0).await, (3, 0, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_too_late_takes_nothing_from_those_in_time() {
    for _ in 0..20 {
        let inventory = yielding(&[("a", 10), ("b", 10)]).await;
        let tasks: Vec<_> = (0..24)
            .map(|n| {
                let inventory = inventory.clone();
                let wanted = if n % 2 == 0 { [("a", 1), ("b", 1)] } else { [("b", 1), ("a", 1)] };
                tokio::spawn(async move {
                    let (id, wanted) = (format!("r{n}"), lines(&wanted));
                    until_available!(inventory.reserve(&id, &wanted, TTL, 0)).is_ok()
                })
            })
            .collect();
        let mut reserved = 0;
        for task in tasks {
            reserved += u32::from(task.await.unwrap());
        }
        assert_eq!(reserved, 10);
    }
}
