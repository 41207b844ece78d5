//! Splitting an order into parcels.
//!
//! Each product group (the part of a SKU before its first hyphen) is stored in two of the
//! warehouses, and sent from the one that is nearer to the addressee. Products from one warehouse
//! travel together, as far as they fit into a parcel. Only the order decides, so a repeated creation
//! has the same parcels.

use std::collections::BTreeMap;

use super::location::Location;
use super::parcel::Line;

/// The maximum number of pieces in one parcel.
const PIECES_PER_PARCEL: u32 = 50;
/// The maximum number of parcels from one warehouse; larger orders are put on pallets.
const PARCELS_PER_WAREHOUSE: u32 = 20;
/// The maximum number of pieces on one pallet.
const PIECES_PER_PALLET: u32 = 5_000;

/// A warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warehouse {
    /// The code of the nearest airport.
    pub code: &'static str,
    /// Its location.
    pub location: Location<'static>,
}

/// All warehouses.
const WAREHOUSES: [Warehouse; 4] = [
    warehouse("VIE", "AT", 23),
    warehouse("BER", "DE", 12),
    warehouse("LYS", "FR", 69),
    warehouse("EWR", "US", 7),
];

const fn warehouse(code: &'static str, country: &'static str, zone: u32) -> Warehouse {
    Warehouse { code, location: Location { country, zone: Some(zone) } }
}

impl Warehouse {
    /// The two warehouses that have a product.
    pub fn of_product(sku: &str) -> [Warehouse; 2] {
        let group = sku.split('-').next().unwrap_or(sku);
        let draw = draw(group);
        let first = draw % WAREHOUSES.len();
        let step = 1 + (draw / WAREHOUSES.len()) % (WAREHOUSES.len() - 1);
        [WAREHOUSES[first], WAREHOUSES[(first + step) % WAREHOUSES.len()]]
    }

    /// The warehouse that sends a product there: the nearer one, or the first in `WAREHOUSES` if the
    /// distances are equal.
    pub fn sender(sku: &str, to: Location<'_>) -> Warehouse {
        let [one, other] = Self::of_product(sku);
        let distance = |it: Warehouse| {
            (it.location.distance(to), WAREHOUSES.iter().position(|known| *known == it))
        };
        if distance(other) < distance(one) { other } else { one }
    }
}

/// A number that is derived from a name: both halves of its hash, folded.
fn draw(name: &str) -> usize {
    let hash = chassis::hash::fnv1a_32(name.bytes());
    ((hash >> 16) ^ (hash & 0xffff)) as usize
}

/// The content of one parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The warehouse that sends it.
    pub warehouse: Warehouse,
    /// The products, in the order of the request.
    pub lines: Vec<Line>,
}

/// Splits an order: by warehouse, then into parcels of at most `PIECES_PER_PARCEL` pieces; or
/// pallets of `PIECES_PER_PALLET`, where that would take more than `PARCELS_PER_WAREHOUSE`.
pub fn pack(lines: &[Line], to: Location<'_>) -> Vec<Pack> {
    let mut by_warehouse: BTreeMap<&str, (Warehouse, Vec<&Line>)> = BTreeMap::new();
    for line in lines {
        let warehouse = Warehouse::sender(&line.sku, to);
        by_warehouse.entry(warehouse.code).or_insert((warehouse, Vec::new())).1.push(line);
    }
    let parcels = |(warehouse, lines): (Warehouse, Vec<&Line>)| {
        fill(&lines).into_iter().map(move |lines| Pack { warehouse, lines })
    };
    by_warehouse.into_values().flat_map(parcels).collect()
}

fn fill(lines: &[&Line]) -> Vec<Vec<Line>> {
    let pieces: u32 = lines.iter().map(|line| line.quantity).sum();
    let by_parcel = pieces <= PIECES_PER_PARCEL * PARCELS_PER_WAREHOUSE;
    let size = if by_parcel { PIECES_PER_PARCEL } else { PIECES_PER_PALLET };
    let mut parcels: Vec<Vec<Line>> = Vec::new();
    let mut space = 0;
    for line in lines {
        let mut left = line.quantity;
        while left > 0 {
            if space == 0 {
                parcels.push(Vec::new());
                space = size;
            }
            let quantity = left.min(space);
            if let Some(parcel) = parcels.last_mut() {
                parcel.push(Line { sku: line.sku.clone(), quantity });
            }
            left -= quantity;
            space -= quantity;
        }
    }
    parcels
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{LINES_MAX, QUANTITY_MAX};

    const VIENNA: Location<'static> = Location { country: "AT", zone: Some(10) };

    fn line(sku: &str, quantity: u32) -> Line {
        Line { sku: sku.to_owned(), quantity }
    }

    fn shape(packs: &[Pack]) -> Vec<Vec<(&str, u32)>> {
        let inside = |line: &'_ Line| line.quantity;
        packs
            .iter()
            .map(|pack| pack.lines.iter().map(|it| (it.sku.as_str(), inside(it))).collect())
            .collect()
    }

    #[test]
    fn products_that_fit_travel_together() {
        let packs = pack(&[line("TEA-1", 30), line("TEA-2", 70)], VIENNA);
        let expected = [vec![("TEA-1", 30), ("TEA-2", 20)], vec![("TEA-2", 50)]];
        assert_eq!(shape(&packs), expected);
    }

    #[test]
    fn products_of_different_warehouses_travel_separately() {
        let to = VIENNA;
        let groups = ["TEA", "KIT", "GAR", "BOOK", "TOY", "BIKE", "LAMP", "DESK"];
        let elsewhere =
            groups.into_iter().find(|it| Warehouse::sender(it, to) != Warehouse::sender("TEA", to));
        let other = format!("{}-1", elsewhere.unwrap_or_default());
        let packs = pack(&[line("TEA-1", 1), line(&other, 1), line("TEA-2", 1)], to);
        assert_eq!(packs.len(), 2, "{packs:?}");
        assert!(packs.iter().any(|pack| pack.lines == [line("TEA-1", 1), line("TEA-2", 1)]));
    }

    #[test]
    fn a_group_is_sent_from_the_nearer_of_its_two_warehouses() {
        for group in ["TEA", "KIT", "GAR", "BOOK", "TOY", "BIKE", "LAMP", "DESK"] {
            let [one, other] = Warehouse::of_product(group);
            assert_ne!(one, other, "{group}");
            assert_eq!(Warehouse::of_product(&format!("{group}-0001")), [one, other]);
            for to in WAREHOUSES.map(|it| it.location) {
                let distance = Warehouse::sender(group, to).location.distance(to);
                assert_eq!(distance, one.location.distance(to).min(other.location.distance(to)));
            }
        }
    }

    #[test]
    fn large_orders_are_put_on_pallets() {
        let lines: Vec<Line> = (0..LINES_MAX).map(|n| line(&format!("TEA-{n}"), 1_000)).collect();
        assert_eq!(pack(&lines, VIENNA).len(), 20);
        assert_eq!(pack(&[line("TEA-1", 1_000)], VIENNA).len(), 20);
        assert_eq!(pack(&[line("TEA-1", 1_000), line("TEA-2", 1)], VIENNA).len(), 1);
    }

    fn orders() -> impl Strategy<Value = Vec<Line>> {
        let sku = "[A-H]{1,2}(-[0-9]{1,2})?";
        let lines = prop::collection::btree_map(sku, 1..=QUANTITY_MAX, 1..20);
        lines.prop_map(|lines| lines.iter().map(|(sku, count)| line(sku, *count)).collect())
    }

    proptest! {
        #[test]
        fn parcels_hold_exactly_what_was_ordered(
            lines in orders(),
            country in prop::sample::select(vec!["AT", "DE", "FR", "US", "NZ"]),
            zone in prop::option::of(0..100_u32),
        ) {
            let to = Location { country, zone };
            let packs = pack(&lines, to);
            let mut sent = BTreeMap::<&str, u32>::new();
            for pack in &packs {
                let pieces: u32 = pack.lines.iter().map(|line| line.quantity).sum();
                prop_assert!((1..=PIECES_PER_PALLET).contains(&pieces));
                for line in &pack.lines {
                    prop_assert!(line.quantity > 0);
                    prop_assert_eq!(Warehouse::sender(&line.sku, to), pack.warehouse);
                    *sent.entry(&line.sku).or_default() += line.quantity;
                }
            }
            let asked: BTreeMap<&str, u32> =
                lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect();
            prop_assert_eq!(sent, asked);
            prop_assert!(packs.len() <= WAREHOUSES.len() * PARCELS_PER_WAREHOUSE as usize);
            prop_assert_eq!(pack(&lines, to), packs);
        }
    }
}
