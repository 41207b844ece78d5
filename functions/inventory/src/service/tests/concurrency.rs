//! Many concurrent calls, which interleave at each operation of the store.

use super::*;

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

/// Runs all calls concurrently. Returns the number of those that return true.
async fn count(calls: impl Iterator<Item = impl Future<Output = bool> + Send + 'static>) -> u32 {
    let tasks: Vec<_> = calls.map(tokio::spawn).collect();
    let mut count = 0;
    for task in tasks {
        count += u32::from(task.await.unwrap());
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_the_last_ten_pieces_get_exactly_ten() {
    let inventory = &yielding(&[("a", 10)]).await;
    let buy = |n| {
        let (inventory, id) = (inventory.clone(), format!("r{n}"));
        async move {
            if until_available!(inventory.reserve(&id, &lines(&[("a", 1)]), TTL, 0)).is_err() {
                return false;
            }
            until_available!(inventory.commit(&id, 0)).unwrap();
            true
        }
    };
    assert_eq!(count((0..200).map(buy)).await, 10);
    assert_eq!(figures(inventory, "a", 0).await, (0, 0, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn late_reservations_do_not_make_earlier_ones_fail() {
    for _ in 0..20 {
        let inventory = &yielding(&[("a", 10), ("b", 10)]).await;
        let reserve = |n| {
            let (inventory, id) = (inventory.clone(), format!("r{n}"));
            let wanted = if n % 2 == 0 { [("a", 1), ("b", 1)] } else { [("b", 1), ("a", 1)] };
            async move { until_available!(inventory.reserve(&id, &lines(&wanted), TTL, 0)).is_ok() }
        };
        assert_eq!(count((0..24).map(reserve)).await, 10);
    }
}
