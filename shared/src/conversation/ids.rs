//! Names of conversations and entries.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::time::Millis;

/// Longest conversation id taken, in bytes: a partition key of DynamoDB ends at 2,048.
const MAX_CONVERSATION_ID: usize = 256;

/// GPTBots' id of one human-service conversation: an opaque string (contract, section 2), 1 to 256
/// bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConversationId(String);

/// Why a string is no conversation id or entry id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing in it.
    #[error("must not be empty")]
    Empty,
    /// More than 256 bytes.
    #[error("must be at most 256 bytes long")]
    TooLong,
    /// A control character in it.
    #[error("must not contain control characters")]
    Control,
    /// Not base64url without padding of a conversation id.
    #[error("must be base64url without padding")]
    Encoding,
    /// An entry id with something other than letters, digits, `_` and `-`.
    #[error("must consist of letters, digits, '_' and '-'")]
    Character,
}

impl ConversationId {
    /// Takes an id as GPTBots sent it.
    ///
    /// # Errors
    /// When it is empty, longer than 256 bytes or has control characters.
    pub fn new(id: impl Into<String>) -> Result<Self, IdError> {
        let id = id.into();
        if id.is_empty() {
            Err(IdError::Empty)
        } else if id.len() > MAX_CONVERSATION_ID {
            Err(IdError::TooLong)
        } else if id.chars().any(char::is_control) {
            Err(IdError::Control)
        } else {
            Ok(Self(id))
        }
    }

    /// Takes an id as it stands in the console's paths: base64url without padding.
    ///
    /// # Errors
    /// When it does not decode, or decodes to no conversation id.
    pub fn from_path(segment: &str) -> Result<Self, IdError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(segment)
            .map_err(|_| IdError::Encoding)?;
        Self::new(String::from_utf8(bytes).map_err(|_| IdError::Encoding)?)
    }

    /// The id as it stands in the console's paths.
    pub fn to_path(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The id as GPTBots gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ConversationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of an entry: letters, digits, `_` and `-`; sorts roughly by time.
///
/// What can be sent twice gets its id from what it is, so that the second copy is the same item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(String);

impl EntryId {
    /// Takes an id that was made before.
    ///
    /// # Errors
    /// When it is empty, too long or has other characters.
    pub fn parse(id: impl Into<String>) -> Result<Self, IdError> {
        let id = id.into();
        if id.is_empty() {
            Err(IdError::Empty)
        } else if id.len() > MAX_CONVERSATION_ID {
            Err(IdError::TooLong)
        } else if !id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        {
            Err(IdError::Character)
        } else {
            Ok(Self(id))
        }
    }

    /// A user's line: GPTBots' timestamp and its body name it, since `/chat` carries no message id
    /// (contract, section 2).
    pub fn of_user_line(sent_at: Millis, body: &[u8]) -> Self {
        Self::made('u', sent_at, &[body])
    }

    /// An agent's line, first accepted at `at`. `key` is the desk's own id of it; it keeps two
    /// lines of one millisecond apart.
    pub fn of_agent_line(at: Millis, desk: &str, key: &str) -> Self {
        Self::made('a', at, &[desk.as_bytes(), key.as_bytes()])
    }

    /// A line of the bridge's own, named by what made it (`"greeting"`, `"closing-desk"` …).
    pub fn of_system_line(at: Millis, what: &str) -> Self {
        Self::made('s', at, &[what.as_bytes()])
    }

    fn made(author: char, at: Millis, parts: &[&[u8]]) -> Self {
        Self(format!("{:016}-{author}-{}", at.max(0), fingerprint(parts)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// 80 bits of SHA-256 over the parts, as hex. Each part is preceded by its length, so that no two
/// lists of parts look the same.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..10])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn conversation_ids_are_opaque_but_bounded() {
        assert!(ConversationId::new("67d8db020fa31d1ef64f53dg").is_ok());
        assert!(ConversationId::new("會話 1/2?#").is_ok());
        assert_eq!(ConversationId::new(""), Err(IdError::Empty));
        assert_eq!(ConversationId::new("a\nb"), Err(IdError::Control));
        assert_eq!(ConversationId::new("a".repeat(257)), Err(IdError::TooLong));
        assert!(ConversationId::new("a".repeat(256)).is_ok());
    }

    #[test]
    fn the_path_form_rejects_what_it_did_not_make() {
        assert_eq!(ConversationId::from_path("YQ=="), Err(IdError::Encoding));
        assert_eq!(ConversationId::from_path("!"), Err(IdError::Encoding));
        assert_eq!(ConversationId::from_path(""), Err(IdError::Empty));
    }

    #[test]
    fn a_user_line_is_named_by_timestamp_and_body() {
        let ok = EntryId::of_user_line(1, b"ok");
        assert_eq!(ok, EntryId::of_user_line(1, b"ok"));
        assert_ne!(ok, EntryId::of_user_line(2, b"ok"));
        assert_ne!(ok, EntryId::of_user_line(1, b"OK"));
    }

    proptest! {
        #[test]
        fn any_conversation_id_survives_the_path(id in "\\PC{1,60}") {
            let id = ConversationId::new(id).unwrap();
            prop_assert_eq!(ConversationId::from_path(&id.to_path()).unwrap(), id);
        }

        #[test]
        fn entry_ids_have_only_the_allowed_characters_and_sort_by_time(
            at in 0..9_007_199_254_740_991_i64,
            later in 1..1_000_000_i64,
            body in proptest::collection::vec(any::<u8>(), 0..50),
            key in ".*",
        ) {
            let at = at.min(9_007_199_254_740_991 - later);
            for id in [
                EntryId::of_user_line(at, &body),
                EntryId::of_agent_line(at, "console", &key),
                EntryId::of_system_line(at, &key),
            ] {
                prop_assert_eq!(&EntryId::parse(id.as_str()).unwrap(), &id);
                prop_assert!(id < EntryId::of_user_line(at + later, &body));
            }
        }

        #[test]
        fn fingerprints_tell_parts_from_their_concatenation(a in "[a-c]{1,3}", b in "[a-c]{1,3}") {
            let joined = format!("{a}{b}");
            prop_assert_ne!(
                fingerprint(&[a.as_bytes(), b.as_bytes()]),
                fingerprint(&[joined.as_bytes()])
            );
        }
    }
}
