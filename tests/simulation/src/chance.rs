//! Chance that follows from a seed and a name alone, so that leaving one thing out of a plan changes
//! nothing else.

use fastrand::Rng;

/// A random source for one decision: the `nth` of its kind in the history of this seed.
pub(crate) fn of(seed: u64, kind: &str, nth: u64) -> Rng {
    let kind = kind.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut state = seed;
    for part in [kind, nth] {
        state = mixed(state ^ mixed(part));
    }
    Rng::with_seed(state)
}

/// The finaliser of SplitMix64: neighbouring numbers become unrelated ones.
fn mixed(number: u64) -> u64 {
    let mut number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
