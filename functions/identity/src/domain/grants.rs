//! Everything that one user has granted: open sessions, pending codes, and consents.
//!
//! They are one value per user, so that each rule about several of them (a code used twice ends the
//! session that it started) is one compare-and-swap, and so that their size is bounded: otherwise a
//! store without expiry would grow with each sign-in.

use super::code::{self, Agreement, Code, CodeToken, Redemption};
use super::refresh::{self, Family, RefreshToken};
use serde::{Deserialize, Serialize};

/// The maximum number of open sessions of one user. Another one ends the session that was idle
/// longest.
pub const FAMILIES_MAX: usize = 32;
/// The maximum number of stored codes of one user.
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

/// The successor of a refresh token, and what it was granted for.
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
        self.codes.retain(|code| code.agreement.authorization.client_id != client_id);
    }

    /// Stores a pending code.
    pub fn add_code(&mut self, code: Code, now_ms: u64) {
        self.codes.retain(|old| !old.is_forgettable(now_ms));
        let excess = (self.codes.len() + 1).saturating_sub(CODES_MAX);
        self.codes.drain(..excess);
        self.codes.push(code);
    }

    /// Uses a code to start this family. A second use ends the family of the first.
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
                    self.end(family_id);
                }
                Err(refusal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::code::Authorization;

    fn family(id: usize, now_ms: u64) -> (Family, RefreshToken) {
        Family::start(format!("fam_{id}"), "usr_1", None, String::new(), &[id as u8; 64], now_ms)
    }

    #[test]
    fn a_new_session_replaces_the_one_that_was_idle_longest() {
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
    fn consent_is_stored_once_per_application_and_their_number_is_bounded() {
        let mut grants = Grants::default();
        grants.consent("app", "openid", 1);
        grants.consent("other", "openid", 2);
        grants.consent("app", "openid email", 3);
        let scopes: Vec<_> = grants.consents().into_iter().map(|consent| consent.scope).collect();
        assert_eq!(scopes, ["openid email", "openid"]);
        (0..100).for_each(|n| grants.consent(&n.to_string(), "", n));
        assert_eq!(grants.consents().len(), CONSENTS_MAX);
    }

    #[test]
    fn the_number_of_codes_is_bounded() {
        let mut grants = Grants::default();
        for id in 0..100 {
            let (id, authorization) = (format!("cod_{id}"), Authorization::default());
            let (code, _) = Code::new(id, "usr_1", authorization, [0; 32], 0);
            grants.add_code(code, 0);
        }
        assert_eq!(grants.codes.len(), CODES_MAX);
        assert_eq!(grants.codes[CODES_MAX - 1].id, "cod_99");
    }
}
