#![allow(clippy::unwrap_used)]
use super::*;
use crate::domain::{FLEET, Line, Place, pack};

const ON: Simulation = Simulation { pickup_ms: 4_000 };
const OFF: Simulation = Simulation { pickup_ms: 0 };

fn consignment(id: &str) -> Consignment {
    let line = Line { sku: "A".to_owned(), quantity: 1 };
    let pack = pack(&[line], Place { country: "AT", zone: None }).remove(0);
    let van = VanId { courier: FLEET[0].code.to_owned(), number: 0 };
    let parcel = Parcel::new(id.to_owned(), FLEET[0], van, pack, 1_000);
    let to = Address {
        name: "Ada".to_owned(),
        street: "Hauptstr. 1".to_owned(),
        city: "Wien".to_owned(),
        postal_code: "1010".to_owned(),
        country: "AT".to_owned(),
    };
    Consignment::ship("ord_1", "usr_1", to, vec![parcel], 1_000).unwrap()
}

fn status_at(now_ms: u64, simulation: Simulation) -> Status {
    let mut it = consignment("shp_1");
    it.advance(now_ms, simulation);
    it.parcels[0].status()
}

fn told(it: &Consignment) -> Vec<(Value, Value)> {
    let state = |event: &chassis::events::Event| {
        let data: Value = serde_json::from_str(&event.data).unwrap();
        (data["cancelled"].clone(), data["shipments"][0]["status"].clone())
    };
    it.outbox.pending().iter().map(state).collect()
}

#[test]
fn sandbox_couriers_follow_the_clock() {
    assert_eq!(status_at(4_999, ON), Status::Created);
    assert_eq!(status_at(5_000, ON), Status::InTransit);
    assert_eq!(status_at(20_999, ON), Status::InTransit);
    assert_eq!(status_at(21_000, ON), Status::Delivered);
    assert_eq!(status_at(99_999_999, OFF), Status::Created);
}

#[test]
fn an_undeliverable_parcel_is_returned() {
    let mut it = consignment("shp_1");
    it.to.as_mut().unwrap().name = NEVER_HOME.to_owned();
    let mut met = Vec::new();
    while let Some(next_ms) = it.next_step_ms(ON) {
        it.advance(next_ms, ON);
        met.push((next_ms, it.parcels[0].status()));
    }
    use Status::{AttemptFailed, InTransit, Returned};
    assert_eq!(met[..2], [(5_000, InTransit), (21_000, AttemptFailed)]);
    assert_eq!(met.last(), Some(&(37_000, Returned)));
}

#[test]
fn some_parcels_need_a_second_attempt() {
    let mut it = consignment("shp_f0");
    assert!(Simulation::misses("shp_f0") && !Simulation::misses("shp_0f"));
    let mut met = Vec::new();
    for now_ms in [5_000, 21_000, 29_000, 37_000] {
        assert_eq!(it.next_step_ms(ON), Some(now_ms));
        it.advance(now_ms - 1, ON);
        it.advance(now_ms, ON);
        met.push(it.parcels[0].status());
    }
    use Status::{AttemptFailed, Delivered, InTransit};
    assert_eq!(met, [InTransit, AttemptFailed, InTransit, Delivered]);
    assert_eq!(it.next_step_ms(ON), None);
}

#[test]
fn it_does_not_matter_how_often_anybody_looks() {
    for id in ["shp_1", "shp_0"] {
        let (mut often, mut once) = (consignment(id), consignment(id));
        (0..60).for_each(|second| often.advance(second * 1_000, ON));
        once.advance(59_000, ON);
        assert_eq!(often.parcels, once.parcels);
        assert_eq!(told(&often), told(&once), "every step is told");
    }
}

#[test]
fn every_change_is_told_and_nothing_else() {
    let mut it = consignment("shp_1");
    it.cancel(2_000).unwrap();
    it.cancel(2_001).unwrap();
    it.advance(99_000, ON);
    it.report("shp_1", Status::Cancelled, 2_002).unwrap();
    assert_eq!(told(&it), [(false.into(), "created".into()), (true.into(), "cancelled".into())]);
    assert_eq!(it.outbox.last_sequence(), 2);
    let personal = it.outbox.pending().iter().any(|event| event.data.contains("Ada"));
    assert!(!personal, "addresses stay here");
}

#[test]
fn nothing_is_called_off_once_a_parcel_has_left() {
    for status in [Status::InTransit, Status::AttemptFailed, Status::Returned] {
        let mut it = consignment("shp_1");
        for step in [Status::InTransit, Status::AttemptFailed, Status::Returned] {
            it.report("shp_1", step, 1_500).unwrap();
            if step == status {
                break;
            }
        }
        let before = it.parcels.clone();
        assert_eq!(it.cancel(5_001), Err(Fault::TooLate));
        assert_eq!((it.parcels, it.barred), (before, false));
    }
}

#[test]
fn a_parcel_that_was_called_off_goes_nowhere() {
    let mut it = consignment("shp_1");
    it.cancel(2_000).unwrap();
    it.advance(99_000, ON);
    assert_eq!(it.parcels[0].status(), Status::Cancelled);
    let late = it.report("shp_1", Status::InTransit, 3_000);
    assert_eq!(late, Err(Fault::WrongStatus(Status::Cancelled, Status::InTransit)));
}

#[test]
fn couriers_report_in_order_and_may_repeat_themselves() {
    let mut it = consignment("shp_1");
    let skip = it.report("shp_1", Status::Delivered, 1_500);
    assert_eq!(skip, Err(Fault::WrongStatus(Status::Created, Status::Delivered)));
    it.report("shp_1", Status::InTransit, 2_000).unwrap();
    it.report("shp_1", Status::InTransit, 2_500).unwrap();
    it.report("shp_1", Status::Delivered, 1_900).unwrap();
    let history: Vec<u64> = it.parcels[0].history().iter().map(|it| it.at_ms).collect();
    assert_eq!(history, [1_000, 2_000, 2_000], "clocks may step back, histories don't");
    assert_eq!(it.report("shp_2", Status::Delivered, 1), Err(Fault::NoSuchParcel));
}

#[test]
fn couriers_call_nothing_off() {
    let mut it = consignment("shp_1");
    let refused = it.report("shp_1", Status::Cancelled, 2_000);
    assert_eq!(refused, Err(Fault::WrongStatus(Status::Created, Status::Cancelled)));
}

#[test]
fn a_van_carries_what_has_not_ended() {
    let mut it = consignment("shp_1");
    let van = it.parcels[0].van.clone().unwrap();
    assert_eq!(it.open_in(&van), 1);
    assert_eq!(it.open_in(&VanId { number: 1, ..van.clone() }), 0);
    it.report("shp_1", Status::InTransit, 2_000).unwrap();
    assert_eq!(it.open_in(&van), 1);
    it.report("shp_1", Status::Delivered, 3_000).unwrap();
    assert_eq!(it.open_in(&van), 0);
}
