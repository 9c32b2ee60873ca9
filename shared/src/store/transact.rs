//! Writing: transactions and single updates that survive collisions.
//!
//! DynamoDB cancels a transaction, or refuses a write, while another transaction is at the same
//! item. The SDK does not try again then; this does, with jitter, since the other one is over in
//! milliseconds.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::change::Change;
use super::item::Item;
use super::{Store, StoreError};

/// How often a write that collides is tried.
const TRIES: u32 = 10;
/// The first pause after a collision, in milliseconds; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: i64 = 8;
const LONGEST_PAUSE: i64 = 250;

/// What became of a conditional write.
#[derive(Debug)]
pub(super) enum Written {
    /// Done.
    Yes,
    /// A condition did not hold: which part of the transaction (0 for a single write), and the
    /// item as it is, where there is one.
    No { part: usize, item: Option<Item> },
}

impl Store {
    /// Writes all or nothing.
    pub(super) async fn transact(
        &self,
        operation: &'static str,
        parts: Vec<TransactWriteItem>,
    ) -> Result<Written, StoreError> {
        for attempt in 0..TRIES {
            // Each try has its own idempotency token (the SDK's): a cancelled transaction must not
            // be mistaken for this one.
            let result = self
                .client
                .transact_write_items()
                .set_transact_items(Some(parts.clone()))
                .send()
                .await;
            let error = match result {
                Ok(_) => return Ok(Written::Yes),
                Err(error) => error,
            };
            match reasons(&error) {
                Some(reasons) => {
                    if let Some(refused) = refused(reasons) {
                        return Ok(refused);
                    }
                    if !reasons.iter().all(|reason| can_pass(reason.code())) {
                        return Err(StoreError::of(operation, &error));
                    }
                }
                None if can_pass(error.code()) => {}
                None => return Err(StoreError::of(operation, &error)),
            }
            self.pause(attempt).await;
        }
        Err(StoreError::Contended(operation))
    }

    /// Changes one item if its conditions hold.
    pub(super) async fn update(
        &self,
        operation: &'static str,
        key: Item,
        change: Change,
    ) -> Result<Written, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression(change.expression())
            .set_condition_expression(change.condition())
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(change.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.single(operation, || request.clone().send()).await
    }

    /// Writes an item if its key is free.
    pub(super) async fn put_if_new(
        &self,
        operation: &'static str,
        item: Item,
    ) -> Result<Written, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.single(operation, || request.clone().send()).await
    }

    /// Deletes an item if the conditions hold. One that is not there is deleted already, unless a
    /// condition wants it.
    pub(super) async fn delete(
        &self,
        operation: &'static str,
        key: Item,
        only_if: Change,
    ) -> Result<Written, StoreError> {
        let condition = only_if.condition();
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .set_expression_attribute_names(condition.is_some().then(|| only_if.names()))
            .set_expression_attribute_values(only_if.values())
            .set_condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.single(operation, || request.clone().send()).await
    }

    /// A write of one item, until it meets no transaction.
    async fn single<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn() -> F,
    ) -> Result<Written, StoreError>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata + Refused,
    {
        for attempt in 0..TRIES {
            match send().await {
                Ok(_) => return Ok(Written::Yes),
                Err(SdkError::ServiceError(failure)) if failure.err().is_refused() => {
                    let item = failure.into_err().into_item();
                    return Ok(Written::No { part: 0, item });
                }
                Err(error) if can_pass(error.code()) => self.pause(attempt).await,
                Err(error) => return Err(StoreError::of(operation, &error)),
            }
        }
        Err(StoreError::Contended(operation))
    }

    /// Gives the others a turn before a decision is made anew; none before the first.
    pub(super) async fn pause_before(&self, decision: u32) {
        if let Some(attempt) = decision.checked_sub(1) {
            self.pause(attempt).await;
        }
    }

    async fn pause(&self, attempt: u32) {
        let longest = (FIRST_PAUSE << attempt.min(10)).min(LONGEST_PAUSE);
        let pause = self.random.between(1..longest + 1);
        tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())).await;
    }
}

/// A condition that did not hold, whichever operation it was of.
trait Refused {
    fn is_refused(&self) -> bool;
    fn into_item(self) -> Option<Item>;
}

macro_rules! refused {
    ($($error:ident),+) => {
        $(impl Refused for $error {
            fn is_refused(&self) -> bool {
                self.is_conditional_check_failed_exception()
            }

            fn into_item(self) -> Option<Item> {
                match self {
                    Self::ConditionalCheckFailedException(refusal) => refusal.item,
                    _ => None,
                }
            }
        })+
    };
}
refused!(UpdateItemError, PutItemError, DeleteItemError);

fn reasons(error: &SdkError<TransactWriteItemsError>) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

fn refused(reasons: &[CancellationReason]) -> Option<Written> {
    let part = reasons
        .iter()
        .position(|reason| reason.code() == Some("ConditionalCheckFailed"))?;
    Some(Written::No {
        part,
        item: reasons[part].item().cloned(),
    })
}

/// Whether what went wrong passes by itself.
fn can_pass(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "None"
                | "TransactionConflict"
                | "TransactionConflictException"
                | "TransactionInProgressException"
                | "ThrottlingError"
                | "ProvisionedThroughputExceeded"
        )
    )
}
