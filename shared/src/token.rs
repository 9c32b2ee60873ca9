//! The unguessable path segment that guards the webhooks.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The SHA-256 hashes of the tokens that are valid: two while one is replaced.
#[derive(Debug, Clone)]
pub struct Tokens(Vec<[u8; 32]>);

/// Why a list of hashes is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one or more SHA-256 hashes of 64 hexadecimal digits, separated by commas")]
pub struct TokenError;

impl Tokens {
    /// Reads a comma-separated list of hashes.
    ///
    /// # Errors
    /// When there is none, or one is not 64 hexadecimal digits.
    pub fn parse(list: &str) -> Result<Self, TokenError> {
        let hashes = list
            .split(',')
            .map(str::trim)
            .filter(|hash| !hash.is_empty())
            .map(|hash| {
                let mut bytes = [0; 32];
                hex::decode_to_slice(hash, &mut bytes).map_err(|_| TokenError)?;
                Ok(bytes)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if hashes.is_empty() {
            return Err(TokenError);
        }
        Ok(Self(hashes))
    }

    /// The hash of a token, as [`Tokens::parse`] reads it.
    pub fn hash(token: &str) -> String {
        hex::encode(Sha256::digest(token))
    }

    /// Whether a token is one of them, in a time that tells nothing about how close it is.
    pub fn accept(&self, token: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(token).into();
        self.0
            .iter()
            .fold(Choice::from(0), |found, known| found | hash.ct_eq(known))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_are_valid_while_one_is_replaced() {
        let tokens =
            Tokens::parse(&format!("{}, {}", Tokens::hash("old"), Tokens::hash("new"))).unwrap();
        assert!(tokens.accept("old") && tokens.accept("new"));
        assert!(!tokens.accept("") && !tokens.accept("ol") && !tokens.accept(&Tokens::hash("old")));
    }

    #[test]
    fn a_list_that_is_no_list_of_hashes_is_refused() {
        for list in [
            "",
            " , ",
            "abc",
            &"0".repeat(63),
            &"x".repeat(64),
            &format!("{},zz", "0".repeat(64)),
        ] {
            assert_eq!(Tokens::parse(list).unwrap_err(), TokenError, "{list}");
        }
    }
}
