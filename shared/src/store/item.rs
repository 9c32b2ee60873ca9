//! Items as DynamoDB holds them: small helpers over its attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::StoreError;
use super::keys::{PK, SK};

/// An item: attributes by name.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn n(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([(PK.to_owned(), s(pk)), (SK.to_owned(), s(sk))])
}

/// Adds attributes to an item; what is `None` is left out, since an index skips an item only
/// where the attribute is missing.
pub(super) trait Put {
    fn put(&mut self, name: &str, value: impl Into<Option<AttributeValue>>);
}

impl Put for Item {
    fn put(&mut self, name: &str, value: impl Into<Option<AttributeValue>>) {
        if let Some(value) = value.into() {
            self.insert(name.to_owned(), value);
        }
    }
}

/// Reads attributes of an item; what is there but cannot be read is an error that names it.
pub(super) struct Reader<'a>(pub(super) &'a Item);

impl Reader<'_> {
    pub(super) fn opt_s(&self, name: &'static str) -> Result<Option<&str>, StoreError> {
        match self.0.get(name) {
            None | Some(AttributeValue::Null(_)) => Ok(None),
            Some(AttributeValue::S(value)) => Ok(Some(value)),
            Some(_) => Err(StoreError::Unreadable(name)),
        }
    }

    pub(super) fn s(&self, name: &'static str) -> Result<&str, StoreError> {
        self.opt_s(name)?.ok_or(StoreError::Unreadable(name))
    }

    pub(super) fn opt_string(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.opt_s(name)?.map(str::to_owned))
    }

    pub(super) fn opt_n(&self, name: &'static str) -> Result<Option<i64>, StoreError> {
        match self.0.get(name) {
            None | Some(AttributeValue::Null(_)) => Ok(None),
            Some(AttributeValue::N(value)) => value
                .parse()
                .map(Some)
                .map_err(|_| StoreError::Unreadable(name)),
            Some(_) => Err(StoreError::Unreadable(name)),
        }
    }

    pub(super) fn n(&self, name: &'static str) -> Result<i64, StoreError> {
        self.opt_n(name)?.ok_or(StoreError::Unreadable(name))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(AttributeValue::Bool(true)))
    }

    /// A name out of a closed list, by its parser.
    pub(super) fn named<T>(
        &self,
        name: &'static str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.opt_s(name)? {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or(StoreError::Unreadable(name)),
        }
    }
}
