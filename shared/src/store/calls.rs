//! Which delivery of a signed call was the first.

use super::item::{Put, Reader, key, n, s};
use super::keys::{EXPIRES_AT, REF, signed_call_pk};
use super::transact::Written;
use super::{Store, StoreError};
use crate::desk::SignedCall;

/// How long it is remembered, in seconds. The time in a signature may be five minutes off, either
/// way; our clocks may be off, too.
const SECONDS: i64 = 3_600;

impl Store {
    /// Whether a call is one of the delivery that first brought what it has signed: also when that
    /// delivery comes once more, since it may not have been taken in.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn is_first_delivery(
        &self,
        desk: &str,
        call: &SignedCall,
    ) -> Result<bool, StoreError> {
        let mut item = key(signed_call_pk(desk, &call.fingerprint), REF);
        item.put("delivery", s(call.delivery.as_str()));
        item.put(EXPIRES_AT, n(self.now() / 1000 + SECONDS));
        match self.put_if_new("keep signed call", item).await? {
            Written::No {
                item: Some(known), ..
            } => Ok(Reader(&known).s("delivery")? == call.delivery),
            Written::Yes | Written::No { item: None, .. } => Ok(true),
        }
    }
}
