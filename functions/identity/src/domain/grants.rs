//! Everything that one user has granted: the sessions that are open and the codes that are
//! on their way.
//!
//! One value per user, so that each rule that spans several of them (a code used twice ends
//! the session that it started) is one compare-and-swap, and so that the room a user takes
//! is bounded: a store without expiry would otherwise grow with every sign-in.

use super::code::{self, Agreement, Code, CodeToken, Redemption};
use super::refresh::{self, Family, RefreshToken};
use serde::{Deserialize, Serialize};

/// Most open sessions of one user. One more ends the one that idled longest.
pub const FAMILIES_MAX: usize = 32;
/// Most codes of one user that are remembered.
pub const CODES_MAX: usize = 16;

/// The maximum number of stored consents of one user. Another one replaces the oldest.
pub const CONSENTS_MAX: usize = 32;

/// The consent of a user to an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub client_id: String,
    /// Space-separated.
    pub scope: String,
    /// Milliseconds since the Unix epoch.
    pub granted_at_ms: u64,
}

/// What one user has granted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Grants {
    families: Vec<Family>,
    codes: Vec<Code>,
    #[serde(default)]
    consents: Vec<Consent>,
}

/// A successor and what it was granted for.
#[derive(Clone)]
pub struct Refreshed {
    pub token: RefreshToken,
    pub client_id: Option<String>,
    pub scope: String,
}

impl Grants {
    /// Opens a session.
    pub fn open(&mut self, family: Family, now_ms: u64) {
        self.families.retain(|old| !old.has_ended(now_ms));
        while self.families.len() >= FAMILIES_MAX {
            let idlest = self.families.iter().enumerate().min_by_key(|(_, old)| old.rotated_at_ms);
            let Some((index, _)) = idlest else { break };
            self.families.remove(index);
        }
        self.families.push(family);
    }

    /// Exchanges a refresh token for its successor. Sessions from before `since_ms` are invalid.
    pub fn refresh(
        &mut self,
        token: &RefreshToken,
        client_id: Option<&str>,
        since_ms: u64,
        now_ms: u64,
    ) -> Result<Refreshed, refresh::Refusal> {
        let family = self
            .families
            .iter_mut()
            .find(|family| family.id == token.family_id)
            .ok_or(refresh::Refusal::Unknown)?;
        if family.created_at_ms < since_ms {
            return Err(refresh::Refusal::Ended);
        }
        let token = family.rotate(token, client_id, now_ms)?;
        let (client_id, scope) = (family.client_id.clone(), family.scope.clone());
        Ok(Refreshed { token, client_id, scope })
    }

    /// Ends the session of a refresh token, if it was issued to this client.
    pub fn revoke(&mut self, token: &RefreshToken, client_id: Option<&str>) {
        for family in self.families.iter_mut().filter(|family| family.is_of(client_id)) {
            family.revoke(token);
        }
    }

    /// Ends this session.
    pub fn end(&mut self, family_id: &str) {
        self.families.retain(|family| family.id != family_id);
    }

    /// Stores a consent.
    pub fn consent(&mut self, client_id: &str, scope: &str, now_ms: u64) {
        self.consents.retain(|consent| consent.client_id != client_id);
        let excess = (self.consents.len() + 1).saturating_sub(CONSENTS_MAX);
        self.consents.drain(..excess);
        let (client_id, scope) = (client_id.to_owned(), scope.to_owned());
        self.consents.push(Consent { client_id, scope, granted_at_ms: now_ms });
    }

    /// All consents, newest first.
    pub fn consents(&self) -> Vec<Consent> {
        self.consents.iter().rev().cloned().collect()
    }

    /// Withdraws everything that was granted to an application.
    pub fn withdraw(&mut self, client_id: &str) {
        self.consents.retain(|consent| consent.client_id != client_id);
        self.families.retain(|family| family.client_id.as_deref() != Some(client_id));
        self.codes.retain(|code| code.agreement.client_id != client_id);
    }

    /// Remembers a code that is on its way.
    pub fn remember(&mut self, code: Code, now_ms: u64) {
        self.codes.retain(|old| !old.is_forgettable(now_ms));
        let excess = (self.codes.len() + 1).saturating_sub(CODES_MAX);
        self.codes.drain(..excess);
        self.codes.push(code);
    }

    /// Uses a code up to start this family. A second use ends the first one's family.
    pub fn redeem(
        &mut self,
        token: &CodeToken,
        redemption: &Redemption<'_>,
        start: impl FnOnce(&Agreement) -> (Family, RefreshToken),
        family_id: &str,
        now_ms: u64,
    ) -> Result<(Agreement, RefreshToken), code::Refusal> {
        let code = self
            .codes
            .iter_mut()
            .find(|code| code.id == token.code_id)
            .ok_or(code::Refusal::Unknown)?;
        match code.redeem(token, redemption, family_id, now_ms) {
            Ok(agreement) => {
                let (family, refresh) = start(&agreement);
                self.open(family, now_ms);
                Ok((agreement, refresh))
            }
            Err(refusal) => {
                if let code::Refusal::Reused { family_id } = &refusal {
                    self.families.retain(|family| family.id != *family_id);
                }
                Err(refusal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn family(id: usize, now_ms: u64) -> (Family, RefreshToken) {
        Family::start(format!("fam_{id}"), "usr_1", None, String::new(), &[id as u8; 64], now_ms)
    }

    #[test]
    fn the_session_that_idled_longest_makes_room() {
        let mut grants = Grants::default();
        let tokens: Vec<_> = (0..=FAMILIES_MAX)
            .map(|id| {
                let (family, token) = family(id, id as u64);
                grants.open(family, id as u64);
                token
            })
            .collect();
        assert_eq!(grants.refresh(&tokens[0], None, 0, 100).err(), Some(refresh::Refusal::Unknown));
        for token in &tokens[1..] {
            assert!(grants.refresh(token, None, 0, 100).is_ok());
        }
    }

    #[test]
    fn a_revoked_session_is_over_and_the_others_are_not() {
        let mut grants = Grants::default();
        let (first, first_token) = family(1, 0);
        let (second, second_token) = family(2, 0);
        grants.open(first, 0);
        grants.open(second, 0);
        grants.revoke(&first_token, Some("app"));
        assert!(grants.refresh(&first_token, None, 0, 1).is_ok(), "it is not the app's");
        grants.revoke(&first_token, None);
        assert_eq!(grants.refresh(&first_token, None, 0, 1).err(), Some(refresh::Refusal::Ended));
        assert!(grants.refresh(&second_token, None, 0, 1).is_ok());
    }

    #[test]
    fn a_code_used_twice_ends_what_it_started() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let agreement = Agreement {
            client_id: "app".into(),
            redirect_uri: "https://a/cb".into(),
            code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into(),
            scope: "openid".into(),
            nonce: None,
            authenticated_at_ms: 0,
        };
        let redemption =
            Redemption { client_id: "app", redirect_uri: "https://a/cb", code_verifier: verifier };
        let mut grants = Grants::default();
        let (code, token) = Code::new("cod_1".into(), "usr_1", agreement, [5; 32], 0);
        grants.remember(code, 0);
        let (_, refresh) =
            grants.redeem(&token, &redemption, |_| family(1, 1), "fam_1", 1).unwrap();
        let refresh = grants.refresh(&refresh, None, 0, 2).unwrap().token;
        assert!(grants.redeem(&token, &redemption, |_| family(2, 3), "fam_2", 3).is_err());
        assert_eq!(grants.refresh(&refresh, None, 0, 4).err(), Some(refresh::Refusal::Unknown));
    }

    #[test]
    fn sessions_from_before_a_password_change_are_invalid() {
        let mut grants = Grants::default();
        let (early, early_token) = family(1, 10);
        let (late, late_token) = family(2, 20);
        grants.open(early, 10);
        grants.open(late, 20);
        let refused = grants.refresh(&early_token, None, 20, 30).err();
        assert_eq!(refused, Some(refresh::Refusal::Ended));
        assert!(grants.refresh(&late_token, None, 20, 30).is_ok());
    }

    #[test]
    fn consent_is_stored_once_per_application_and_can_be_withdrawn() {
        let mut grants = Grants::default();
        grants.consent("app", "openid", 1);
        grants.consent("other", "openid", 2);
        grants.consent("app", "openid email", 3);
        let scopes: Vec<_> = grants.consents().into_iter().map(|consent| consent.scope).collect();
        assert_eq!(scopes, ["openid email", "openid"]);
        let client = Some("app".to_owned());
        let (theirs, token) =
            Family::start("fam_1".into(), "usr_1", client, String::new(), &[1; 64], 0);
        grants.open(theirs, 0);
        grants.withdraw("app");
        assert_eq!(grants.consents().len(), 1);
        let refused = grants.refresh(&token, Some("app"), 0, 1).err();
        assert_eq!(refused, Some(refresh::Refusal::Unknown));
        (0..100).for_each(|n| grants.consent(&n.to_string(), "", n));
        assert_eq!(grants.consents().len(), CONSENTS_MAX);
    }

    #[test]
    fn codes_are_bounded() {
        let mut grants = Grants::default();
        for id in 0..100 {
            let agreement = Agreement {
                client_id: String::new(),
                redirect_uri: String::new(),
                code_challenge: String::new(),
                scope: String::new(),
                nonce: None,
                authenticated_at_ms: 0,
            };
            let (code, _) = Code::new(format!("cod_{id}"), "usr_1", agreement, [0; 32], 0);
            grants.remember(code, 0);
        }
        assert_eq!(grants.codes.len(), CODES_MAX);
        assert_eq!(grants.codes[CODES_MAX - 1].id, "cod_99");
    }
}
