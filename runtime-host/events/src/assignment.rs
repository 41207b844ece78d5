//! The assignment of partition keys to the members of a group.
//!
//! Rendezvous hashing: each member has a score for each key, and the highest one wins. A key stays
//! with its member as long as that member exists. If a member joins or leaves, only its own keys
//! move. There is no table to store.

use crate::Member;

/// Returns the index of the member that gets this key; `None` only without members.
pub fn member_index(members: &[Member], key: &str) -> Option<usize> {
    let score = |index: &usize| {
        let member = &members[*index];
        mix(hash(&[&member.component, &member.path, key]))
    };
    (0..members.len()).max_by_key(score)
}

/// FNV-1a, 64 bits, with a separator that no text contains.
fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finalizer of MurmurHash3: makes every bit depend on every other.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mode;

    fn members(names: &[&str]) -> Vec<Member> {
        let member = |name: &&str| Member {
            component: (*name).to_owned(),
            path: "/events".to_owned(),
            mode: Mode::Binary,
        };
        names.iter().map(member).collect()
    }

    fn winner<'a>(names: &[&'a str], key: u32) -> Option<&'a str> {
        member_index(&members(names), &format!("ord_{key}")).map(|index| names[index])
    }

    #[test]
    fn keys_spread_over_all_members() {
        for name in ["a", "b", "c"] {
            let share = (0..3_000).filter(|key| winner(&["a", "b", "c"], *key) == Some(name));
            let share = share.count();
            assert!((800..1_200).contains(&share), "{name} has {share} of 3000");
        }
    }

    #[test]
    fn only_the_keys_of_a_member_that_leaves_move() {
        for key in 0..1_000 {
            let before = winner(&["a", "b", "c"], key);
            if before != Some("b") {
                assert_eq!(winner(&["a", "c"], key), before);
                assert_eq!(winner(&["c", "a"], key), before, "order does not matter");
            }
        }
    }

    #[test]
    fn a_group_without_members_gets_no_keys() {
        assert_eq!(member_index(&[], "key"), None);
    }
}
