//! Identifiers in the shapes AWS gives them. Random, except where a caller brings the generator.

/// A random version 4 UUID, such as Lambda's request ids and SQS's message ids.
pub(crate) fn uuid() -> String {
    uuid_from(&mut fastrand::Rng::new())
}

/// A version 4 UUID of `random`'s next numbers.
pub(crate) fn uuid_from(random: &mut fastrand::Rng) -> String {
    let bits = random.u128(..);
    // Version 4, variant 1.
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_uuid_is_of_version_4() {
        let uuid = super::uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        assert_ne!(uuid, super::uuid());
    }
}
