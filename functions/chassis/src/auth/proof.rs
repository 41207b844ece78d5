//! A cache of verified signatures.
//!
//! Verifying the signature is the most expensive part of verifying a token, and each request of a
//! user has the same token. The result for a text, a key and a signature never changes, so reused
//! instances cache it. Whether the key is valid, the token has expired and the audience matches is
//! checked each time. The cache has digests of key, text and signature, so a token that differs in
//! one bit is not found in it.

use sha2::{Digest, Sha256};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The capacity of the cache. A further signature replaces another one.
pub const PROOFS_MAX: usize = 2_048;

/// The verified signatures of an instance.
#[derive(Debug, Default)]
pub struct ProofMemo {
    /// Each is at the index that its first bytes select.
    places: Mutex<Vec<Proof>>,
}

/// A digest of a key and of the token that was signed with it.
pub(super) type Proof = [u8; 32];

/// An empty slot.
const NONE: Proof = [0; 32];

impl ProofMemo {
    /// An empty cache.
    pub const fn new() -> Self {
        Self { places: Mutex::new(Vec::new()) }
    }

    pub(super) fn has(&self, proof: &Proof) -> bool {
        self.places().get(place(proof)) == Some(proof)
    }

    pub(super) fn keep(&self, proof: Proof) {
        let mut places = self.places();
        if places.is_empty() {
            places.resize(PROOFS_MAX, NONE);
        }
        if let Some(there) = places.get_mut(place(&proof)) {
            *there = proof;
        }
    }

    fn places(&self) -> MutexGuard<'_, Vec<Proof>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of a whole token and the 32 bytes of the key.
pub(super) fn proof(token: &str, key: &[u8; 32]) -> Proof {
    Sha256::new().chain_update(key).chain_update(token.as_bytes()).finalize().into()
}

fn place(proof: &Proof) -> usize {
    usize::from(u16::from_le_bytes([proof[0], proof[1]])) % PROOFS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_was_added_and_has_a_bounded_size() {
        let memo = ProofMemo::new();
        let proofs = (0..3 * PROOFS_MAX).map(|number| proof(&number.to_string(), &[1; 32]));
        for proof in proofs.clone() {
            assert!(!memo.has(&proof));
            memo.keep(proof);
            assert!(memo.has(&proof));
        }
        assert_eq!(memo.places().len(), PROOFS_MAX);
        assert!(proofs.filter(|proof| memo.has(proof)).count() > PROOFS_MAX / 2);
    }

    #[test]
    fn another_key_or_another_token_is_another_proof() {
        let memo = ProofMemo::new();
        assert!(!memo.has(&NONE), "nothing is not a proof");
        memo.keep(proof("a", &[1; 32]));
        assert!(!memo.has(&proof("a", &[2; 32])) && !memo.has(&proof("b", &[1; 32])));
    }
}
