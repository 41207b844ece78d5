//! Many concurrent calls, which interleave at each operation of the store.

use super::*;
use chassis::testing::ScriptedStore;

async fn yielding(skus: &[(&str, u32)]) -> Inventory<ScriptedStore> {
    let (store, _) = stocked(skus).await;
    Inventory::new(ScriptedStore::new(store).before(|_, _| async {
        tokio::task::yield_now().await;
        Ok(())
    }))
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
async fn late_reservations_do_not_make_earlier_ones_fail() {
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
