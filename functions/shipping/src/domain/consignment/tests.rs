#![allow(clippy::unwrap_used)]
use super::*;
use crate::domain::{FLEET, Line, Location, pack};

const ON: Simulation = Simulation { pickup_ms: 4_000 };
const OFF: Simulation = Simulation { pickup_ms: 0 };

fn consignment(id: &str) -> Consignment {
    let line = Line { sku: "A".to_owned(), quantity: 1 };
    let pack = pack(&[line], Location { country: "AT", zone: None }).remove(0);
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

fn events(it: &Consignment) -> Vec<(Value, Value)> {
    let state = |event: &chassis::events::Event| {
        let data: Value = serde_json::from_str(&event.data).unwrap();
        (data["cancelled"].clone(), data["shipments"][0]["status"].clone())
    };
    it.outbox.pending().iter().map(state).collect()
}

#[test]
fn simulated_couriers_follow_the_clock() {
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
    let mut steps = Vec::new();
    while let Some(next_ms) = it.next_step_ms(ON) {
        it.advance(next_ms, ON);
        steps.push((next_ms, it.parcels[0].status()));
    }
    use Status::{AttemptFailed, InTransit, Returned};
    assert_eq!(steps[..2], [(5_000, InTransit), (21_000, AttemptFailed)]);
    assert_eq!(steps.last(), Some(&(37_000, Returned)));
}

#[test]
fn some_parcels_need_a_second_attempt() {
    let mut it = consignment("shp_f0");
    assert!(Simulation::misses("shp_f0") && !Simulation::misses("shp_0f"));
    let mut steps = Vec::new();
    for now_ms in [5_000, 21_000, 29_000, 37_000] {
        assert_eq!(it.next_step_ms(ON), Some(now_ms));
        it.advance(now_ms - 1, ON);
        it.advance(now_ms, ON);
        steps.push(it.parcels[0].status());
    }
    use Status::{AttemptFailed, Delivered, InTransit};
    assert_eq!(steps, [InTransit, AttemptFailed, InTransit, Delivered]);
    assert_eq!(it.next_step_ms(ON), None);
}

#[test]
fn the_number_of_queries_does_not_matter() {
    for id in ["shp_1", "shp_0"] {
        let (mut often, mut once) = (consignment(id), consignment(id));
        (0..60).for_each(|second| often.advance(second * 1_000, ON));
        once.advance(59_000, ON);
        assert_eq!(often.parcels, once.parcels);
        assert_eq!(events(&often), events(&once), "each step has an event");
    }
}

#[test]
fn each_change_has_one_event() {
    let mut it = consignment("shp_1");
    it.cancel(2_000).unwrap();
    it.cancel(2_001).unwrap();
    it.advance(99_000, ON);
    it.report("shp_1", Status::Cancelled, 2_002).unwrap();
    assert_eq!(events(&it), [(false.into(), "created".into()), (true.into(), "cancelled".into())]);
    assert_eq!(it.outbox.last_sequence(), 2);
    let personal = it.outbox.pending().iter().any(|event| event.data.contains("Ada"));
    assert!(!personal, "events have no address");
}

#[test]
fn couriers_report_in_order_and_may_repeat_reports() {
    let mut it = consignment("shp_1");
    let skip = it.report("shp_1", Status::Delivered, 1_500);
    assert_eq!(skip, Err(Refusal::WrongStatus(Status::Created, Status::Delivered)));
    it.report("shp_1", Status::InTransit, 2_000).unwrap();
    it.report("shp_1", Status::InTransit, 2_500).unwrap();
    it.report("shp_1", Status::Delivered, 1_900).unwrap();
    let history: Vec<u64> = it.parcels[0].history().iter().map(|it| it.at_ms).collect();
    assert_eq!(history, [1_000, 2_000, 2_000], "the clock may go back, the history does not");
    assert_eq!(it.report("shp_2", Status::Delivered, 1), Err(Refusal::NotFound));
}
