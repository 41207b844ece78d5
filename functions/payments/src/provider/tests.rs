//! Responses and webhooks of the provider.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::webhook::{TOLERANCE_S, WebhookError, open};
use super::*;

const CHARGE: &str = r#"{"chargeId":"ch_1","merchantRef":"pay_1","state":"hold","value":500,
    "ccy":"EUR","capturedValue":0,"reversedValue":0,"refusalCode":null,"createdAt":17,
    "newInTheirNextVersion":{"x":1}}"#;

fn charge(state: &str) -> String {
    CHARGE.replace("hold", state)
}

fn status_of(status: u16, body: &str) -> Result<Option<ChargeStatus>, ProviderError> {
    let reply = read(StatusCode::from_u16(status).unwrap(), body.as_bytes())?;
    Ok(match reply {
        Reply::Charge(charge) => Some(report(charge).status),
        Reply::Missing | Reply::WrongState => None,
    })
}

#[test]
fn states_of_the_provider_are_translated() {
    let refused = charge("refused").replace("null", "\"51\"");
    for (body, status) in [
        (charge("processing"), ChargeStatus::Pending),
        (charge("hold"), ChargeStatus::Held),
        (charge("approved"), ChargeStatus::Captured),
        (charge("reversed"), ChargeStatus::Ended),
        (charge("lapsed"), ChargeStatus::Ended),
        (refused.clone(), ChargeStatus::Declined(Decline::InsufficientFunds)),
        (refused.replace("51", "05"), ChargeStatus::Declined(Decline::Card)),
        (refused.replace("51", "14"), ChargeStatus::Declined(Decline::InvalidMethod)),
        (refused.replace("51", "91"), ChargeStatus::Declined(Decline::Other)),
        (charge("disputed"), ChargeStatus::Unknown("disputed".to_owned())),
    ] {
        assert_eq!(status_of(200, &body), Ok(Some(status)), "{body}");
    }
}

#[test]
fn only_refusals_with_an_error_code_are_certain() {
    let failure = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#);
    assert_eq!(status_of(404, &failure("no_such_charge")), Ok(None));
    for (status, body) in [
        (400, failure("bad_field")),
        (401, failure("bad_api_key")),
        (409, failure("idempotency_mismatch")),
        (429, failure("slow_down")),
    ] {
        assert!(matches!(status_of(status, &body), Err(ProviderError::NotExecuted(_))), "{status}");
    }
    for (status, body) in [
        (500, failure("oops")),
        (502, String::new()),
        (503, String::new()),
        (404, "<html>a proxy</html>".to_owned()),
        (200, "{}".to_owned()),
        (200, CHARGE[..40].to_owned()),
    ] {
        assert!(
            matches!(status_of(status, &body), Err(ProviderError::OutcomeUnknown(_))),
            "{status} {body}"
        );
    }
}

#[test]
fn amounts_are_reported_unchanged_and_unrelated_responses_are_ignored() {
    let text = CHARGE
        .replace("\"capturedValue\":0", "\"capturedValue\":400")
        .replace("\"reversedValue\":0", "\"reversedValue\":30,\"chargedBackValue\":2");
    let charge: Charge = serde_json::from_str(&text).unwrap();
    let reported = matching(charge.clone(), "pay_1").unwrap();
    let Amounts { currency, held, captured, refunded, charged_back } = reported.amounts;
    assert_eq!((currency.as_str(), held, captured), ("EUR", 500, 400));
    assert_eq!((refunded, charged_back), (30, 2));
    assert!(matches!(matching(charge, "pay_2"), Err(ProviderError::OutcomeUnknown(_))));
}

fn delivery() -> String {
    format!(r#"{{"id":"evt_1","type":"charge.hold","created":17,"data":{CHARGE}}}"#)
}

#[test]
fn a_signed_delivery_is_accepted() {
    let body = delivery();
    let header = psp_sandbox::signature::sign("secret", 1_000, body.as_bytes());
    let opened = open("secret", Some(&header), body.as_bytes(), 1_000 + TOLERANCE_S).unwrap();
    assert_eq!((opened.id.as_str(), opened.hint.payment_id.as_str()), ("evt_1", "pay_1"));
    assert_eq!(opened.hint.status, ChargeStatus::Held);
}

#[test]
fn forged_and_old_deliveries_are_refused() {
    let body = delivery();
    let good = psp_sandbox::signature::sign("secret", 1_000, body.as_bytes());
    let try_open = |header: Option<&str>, body: &str, now| {
        open("secret", header, body.as_bytes(), now).map(drop)
    };
    assert_eq!(try_open(Some(&good), &body, 1_000), Ok(()));
    assert_eq!(try_open(None, &body, 1_000), Err(WebhookError::Signature));
    assert_eq!(
        try_open(Some(&good), &body.replace("500", "501"), 1_000),
        Err(WebhookError::Signature)
    );
    let other = psp_sandbox::signature::sign("other", 1_000, body.as_bytes());
    assert_eq!(try_open(Some(&other), &body, 1_000), Err(WebhookError::Signature));
    let moved = good.replace("t=1000", "t=1001");
    assert_eq!(try_open(Some(&moved), &body, 1_000), Err(WebhookError::Signature));
    for header in ["", "t=1000", "t=1000,v1=", "t=1000,v1=zz", "t=1000,v1=é", "v1=00", "t==,v1=0"]
    {
        assert_eq!(try_open(Some(header), &body, 1_000), Err(WebhookError::Signature), "{header}");
    }
    assert_eq!(try_open(Some(&good), &body, 1_001 + TOLERANCE_S), Err(WebhookError::Stale));
    assert_eq!(try_open(Some(&good), &body, 999 - TOLERANCE_S), Err(WebhookError::Stale));
    let text = "not json";
    let signed = psp_sandbox::signature::sign("secret", 1_000, text.as_bytes());
    assert_eq!(try_open(Some(&signed), text, 1_000), Err(WebhookError::Unreadable));
}

#[test]
fn one_of_several_signatures_is_enough() {
    let body = delivery();
    let good = psp_sandbox::signature::sign("new", 1_000, body.as_bytes());
    let header = good.replace("t=1000,", &format!("t=1000,v1={},", "00".repeat(32)));
    assert!(open("new", Some(&header), body.as_bytes(), 1_000).is_ok());
}
