//! Update expressions, built so that no attribute name can clash with a reserved word.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, Update,
};

use super::item::Item;

/// What an update changes and what must hold for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Change {
    set: Vec<String>,
    remove: Vec<String>,
    add: Vec<String>,
    require: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Change {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn name(&mut self, name: &str) -> String {
        let alias = format!("#{name}");
        self.names.insert(alias.clone(), name.to_owned());
        alias
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let alias = format!(":v{}", self.values.len());
        self.values.insert(alias.clone(), value);
        alias
    }

    /// Sets an attribute, or removes it for `None`.
    pub(super) fn set(mut self, name: &str, value: impl Into<Option<AttributeValue>>) -> Self {
        let alias = self.name(name);
        match value.into() {
            Some(value) => {
                let value = self.value(value);
                self.set.push(format!("{alias} = {value}"));
            }
            None => self.remove.push(alias),
        }
        self
    }

    /// Sets an attribute that is not there yet.
    pub(super) fn set_once(mut self, name: &str, value: AttributeValue) -> Self {
        let alias = self.name(name);
        let value = self.value(value);
        self.set
            .push(format!("{alias} = if_not_exists({alias}, {value})"));
        self
    }

    /// Removes attributes.
    pub(super) fn remove(mut self, names: &[&str]) -> Self {
        for name in names {
            let alias = self.name(name);
            self.remove.push(alias);
        }
        self
    }

    /// Adds to a counter, which begins at 0.
    pub(super) fn add(mut self, name: &str, amount: i64) -> Self {
        let alias = self.name(name);
        let value = self.value(AttributeValue::N(amount.to_string()));
        self.add.push(format!("{alias} {value}"));
        self
    }

    /// Requires `attribute <comparison> value`.
    pub(super) fn require(mut self, name: &str, comparison: &str, value: AttributeValue) -> Self {
        let condition = self.comparison(name, comparison, value);
        self.require.push(condition);
        self
    }

    /// Requires that the attribute has this value, or is missing where there is none.
    pub(super) fn require_same(mut self, name: &str, value: Option<AttributeValue>) -> Self {
        let condition = match value {
            Some(value) => self.comparison(name, "=", value),
            None => format!("attribute_not_exists({})", self.name(name)),
        };
        self.require.push(condition);
        self
    }

    /// Requires that the attribute is there.
    pub(super) fn require_present(mut self, name: &str) -> Self {
        let condition = format!("attribute_exists({})", self.name(name));
        self.require.push(condition);
        self
    }

    /// Requires that the item is new, or a comparison.
    pub(super) fn require_absent_or(self, or: (&str, &str, AttributeValue)) -> Self {
        self.require_missing_or(super::keys::PK, or)
    }

    /// Requires that an attribute is missing, or a comparison of another one.
    pub(super) fn require_missing_or(
        mut self,
        missing: &str,
        (name, comparison, value): (&str, &str, AttributeValue),
    ) -> Self {
        let missing = self.name(missing);
        let comparison = self.comparison(name, comparison, value);
        self.require
            .push(format!("(attribute_not_exists({missing}) OR {comparison})"));
        self
    }

    fn comparison(&mut self, name: &str, comparison: &str, value: AttributeValue) -> String {
        let alias = self.name(name);
        let value = self.value(value);
        format!("{alias} {comparison} {value}")
    }

    pub(super) fn expression(&self) -> String {
        let mut expression = String::new();
        if !self.set.is_empty() {
            let _ = write!(expression, "SET {}", self.set.join(", "));
        }
        if !self.remove.is_empty() {
            let _ = write!(expression, " REMOVE {}", self.remove.join(", "));
        }
        if !self.add.is_empty() {
            let _ = write!(expression, " ADD {}", self.add.join(", "));
        }
        expression
    }

    pub(super) fn condition(&self) -> Option<String> {
        (!self.require.is_empty()).then(|| self.require.join(" AND "))
    }

    pub(super) fn names(&self) -> HashMap<String, String> {
        self.names.clone()
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    /// This change as a part of a transaction.
    pub(super) fn in_transaction(self, table: &str, key: Item) -> Update {
        Update::builder()
            .table_name(table)
            .set_key(Some(key))
            .update_expression(self.expression())
            .set_condition_expression(self.condition())
            .set_expression_attribute_names(Some(self.names()))
            .set_expression_attribute_values(self.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .expect("key, table and expression are set")
    }

    /// The conditions alone, as a part of a transaction that changes other items.
    pub(super) fn into_check(self, table: &str, key: Item) -> ConditionCheck {
        ConditionCheck::builder()
            .table_name(table)
            .set_key(Some(key))
            .condition_expression(self.condition().unwrap_or_default())
            .set_expression_attribute_names(Some(self.names()))
            .set_expression_attribute_values(self.values())
            .build()
            .expect("key, table and condition are set")
    }

    /// The end of an item, under these conditions, as a part of a transaction.
    pub(super) fn into_deletion(self, table: &str, key: Item) -> Delete {
        Delete::builder()
            .table_name(table)
            .set_key(Some(key))
            .set_condition_expression(self.condition())
            .set_expression_attribute_names(self.condition().map(|_| self.names()))
            .set_expression_attribute_values(self.values())
            .build()
            .expect("key and table are set")
    }
}

/// A new item as a part of a transaction: refused if the key is taken.
pub(super) fn put_new(table: &str, item: Item) -> Put {
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .expect("item and table are set")
}

/// An item as a part of a transaction, whatever was there.
pub(super) fn put(table: &str, item: Item) -> Put {
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .build()
        .expect("item and table are set")
}
