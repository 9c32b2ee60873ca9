//! Collisions of transactions, which the embedded database does not have and the SDK does not try
//! again: injected.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use handoff::conversation::Side;
use handoff::settings::SettingsSource;
use handoff::store::{EstablishOutcome, Mark, Outcome, Posted, StoreError};

use crate::support::{Table, ann, chat, close, establish, handoff, id};

/// Answers the first `left` calls of one operation with an error, and passes on all others.
#[derive(Debug, Clone)]
struct Faulty {
    inner: SharedHttpClient,
    operation: &'static str,
    answer: &'static str,
    left: Arc<AtomicU32>,
    /// Do it all the same, and only then answer with the error.
    after_effect: bool,
}

#[derive(Debug)]
struct Connector {
    faulty: Faulty,
    inner: SharedHttpConnector,
}

impl HttpClient for Faulty {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            faulty: self.clone(),
            inner: self.inner.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let faulty = &self.faulty;
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let mine = target.ends_with(faulty.operation)
            && faulty
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
                .is_ok();
        if !mine {
            return self.inner.call(request);
        }
        let mut answer = HttpResponse::new(
            StatusCode::try_from(400).unwrap(),
            SdkBody::from(faulty.answer),
        );
        answer
            .headers_mut()
            .insert("content-type", "application/x-amz-json-1.0");
        if faulty.after_effect {
            let done = self.inner.call(request);
            return HttpConnectorFuture::new(async move { done.await.map(|_| answer) });
        }
        HttpConnectorFuture::ready(Ok(answer))
    }
}

pub(crate) const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "message":"Transaction cancelled","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"},{"Code":"None"}]}"#;
const SINGLE_CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"in progress"}"#;

/// A store whose first `times` calls of an operation fail with this answer.
fn failing(
    table: &Table,
    operation: &'static str,
    answer: &'static str,
    times: u32,
) -> (handoff::store::Store, Arc<AtomicU32>) {
    faulty(table, operation, answer, times, false)
}

pub(crate) fn faulty(
    table: &Table,
    operation: &'static str,
    answer: &'static str,
    times: u32,
    after_effect: bool,
) -> (handoff::store::Store, Arc<AtomicU32>) {
    let client = table.store.client().clone();
    let left = Arc::new(AtomicU32::new(times));
    let faulty = Faulty {
        inner: client.config().http_client().unwrap(),
        operation,
        answer,
        left: left.clone(),
        after_effect,
    };
    let config = client.config().to_builder().http_client(faulty).build();
    let store = table.through(aws_sdk_dynamodb::Client::from_conf(config));
    (store, left)
}

#[tokio::test]
async fn a_transaction_that_collides_is_tried_again() {
    let table = Table::new().await;
    let (store, left) = failing(&table, "TransactWriteItems", CONFLICT, 3);
    let outcome = store.establish(&establish(100), &handoff()).await.unwrap();
    assert_eq!(outcome, EstablishOutcome::Opened);
    assert_eq!(left.load(Ordering::SeqCst), 0);
    assert_eq!(table.texts(Side::User).await, ["hello"]);

    let (store, _) = failing(&table, "TransactWriteItems", CONFLICT, 3);
    let posted = store.post(&id(), &ann(), "k", "hi", 90).await.unwrap();
    assert!(matches!(posted, Posted::Stored(_)));
    let (store, _) = failing(&table, "TransactWriteItems", CONFLICT, 3);
    store.close(&close(200), 90).await.unwrap();
    assert!(table.conversation().await.is_closed());
}

#[tokio::test]
async fn a_single_write_that_meets_a_transaction_is_tried_again() {
    let table = Table::new().await;
    table.establish(100).await;
    let (store, left) = failing(&table, "PutItem", SINGLE_CONFLICT, 3);
    store.chat(&chat(110, "x"), 90).await.unwrap();
    assert_eq!(left.load(Ordering::SeqCst), 0);
    let (store, left) = failing(&table, "UpdateItem", SINGLE_CONFLICT, 3);
    let head = table.lane(Side::User).await.entries.remove(0);
    assert!(store.claim(&head, i64::MAX).await.unwrap().is_some());
    assert_eq!(left.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_recognised_as_our_own() {
    let table = Table::new().await;
    table.establish(100).await;
    let head = table.lane(Side::User).await.entries.remove(0);
    let (store, _) = faulty(&table, "UpdateItem", SINGLE_CONFLICT, 1, true);
    let claimed = store.claim(&head, i64::MAX).await.unwrap();
    assert!(
        claimed.is_some(),
        "it is ours, though the second try found it taken"
    );
}

#[tokio::test]
async fn an_establish_whose_answer_is_lost_is_stored_once() {
    let table = Table::new().await;
    let (store, _) = faulty(&table, "TransactWriteItems", CONFLICT, 1, true);
    let outcome = store.establish(&establish(100), &handoff()).await.unwrap();
    assert_eq!(outcome, EstablishOutcome::Repeated);
    assert_eq!(table.texts(Side::User).await, ["hello"]);
}

#[tokio::test]
async fn collisions_without_end_are_an_error_that_names_the_operation() {
    let table = Table::new().await;
    let (store, _) = failing(&table, "TransactWriteItems", CONFLICT, u32::MAX);
    let error = store
        .establish(&establish(100), &handoff())
        .await
        .unwrap_err();
    assert_eq!(error, StoreError::Contended("establish"));
}

#[tokio::test]
async fn a_table_that_is_not_there_is_an_error_that_names_the_code() {
    let table = Table::new().await;
    let store = handoff::store::Store::new(
        table.store.client().clone(),
        "missing",
        table.clock.shared(),
        handoff::random::Random::seeded(1),
    );
    let error = store.chat(&chat(1, "x"), 90).await.unwrap_err().to_string();
    assert_eq!(error, "chat failed: ResourceNotFoundException");
}

#[tokio::test]
async fn a_mark_whose_answer_is_lost_is_recognised_as_our_own() {
    let table = Table::new().await;
    table.establish(100).await;
    let head = table.lane(Side::User).await.entries.remove(0);
    let claimed = table.claim(&head).await.unwrap();
    let retry = Outcome::Retry {
        at: 9_000_000_000_000,
        reason: "down".into(),
    };
    let (store, _) = faulty(&table, "UpdateItem", SINGLE_CONFLICT, 1, true);
    let mark = store.mark(&claimed, &retry, None, 90).await.unwrap();
    assert_eq!(mark, Mark::Done, "so that its bell is set");
}

#[tokio::test]
async fn settings_that_could_never_be_read_are_not_taken_for_the_defaults() {
    const DOWN: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}"#;
    let table = Table::new().await;
    assert!(
        table
            .store
            .put_settings(r#"{"desk":"slack"}"#, 0)
            .await
            .unwrap()
    );
    let (store, _) = failing(&table, "GetItem", DOWN, 1);
    let settings: SettingsSource = SettingsSource::new(store, table.clock.shared());
    assert!(settings.read().await.is_err());
    assert_eq!(
        settings.read().await.unwrap().desk,
        "slack",
        "asked again at once"
    );
}

#[tokio::test]
async fn settings_that_cannot_be_read_any_more_stay_as_they_were() {
    const DOWN: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}"#;
    let table = Table::new().await;
    table
        .store
        .put_settings(r#"{"desk":"slack"}"#, 0)
        .await
        .unwrap();
    let (store, left) = failing(&table, "GetItem", DOWN, 0);
    let settings: SettingsSource = SettingsSource::new(store, table.clock.shared());
    assert_eq!(settings.get().await.desk, "slack");
    table.clock.advance(61_000);
    left.store(1, Ordering::SeqCst);
    assert_eq!(settings.get().await.desk, "slack");
    // Nor does a document that is not valid change them.
    assert!(table.store.put_settings(r#"{"dsk":"x"}"#, 1).await.unwrap());
    table.clock.advance(61_000);
    assert_eq!(settings.get().await.desk, "slack");
}

#[tokio::test]
async fn an_invalid_document_at_the_start_is_not_taken_for_the_defaults_either() {
    let table = Table::new().await;
    let written = table.store.put_settings(r#"{"dsk":"x"}"#, 0).await.unwrap();
    assert!(written);
    let settings: SettingsSource = SettingsSource::new(table.store.clone(), table.clock.shared());
    assert!(settings.read().await.is_err());
    // Where any settings will do, the defaults do.
    assert_eq!(settings.get().await.retention_days, 90);
}

#[tokio::test]
async fn several_that_are_claimed_together_are_recognised_as_our_own() {
    let table = Table::new().await;
    table.establish(100).await;
    table.post("k1", "second").await;
    let lane = table.lane(Side::User).await.entries;
    let (store, _) = faulty(&table, "TransactWriteItems", CONFLICT, 1, true);
    let claimed = store.claim_together(&lane, i64::MAX).await.unwrap();
    assert_eq!(claimed.expect("they are ours").len(), 2);
    assert!(
        table
            .store
            .claim_together(&lane, i64::MAX)
            .await
            .unwrap()
            .is_none()
    );
    // Neither is one of them free for anybody else.
    assert!(table.claim(&lane[1]).await.is_none());
}

#[tokio::test]
async fn several_that_are_marked_together_are_recognised_as_our_own() {
    let table = Table::new().await;
    table.establish(100).await;
    table.post("k1", "second").await;
    let lane = table.lane(Side::User).await.entries;
    let claimed = table.store.claim_together(&lane, i64::MAX).await.unwrap();
    let failed = Outcome::Failed {
        reason: "no".into(),
    };
    let marks: Vec<_> = claimed
        .unwrap()
        .into_iter()
        .map(|entry| (entry, failed.clone()))
        .collect();
    let mut notice = lane[0].clone();
    notice.id = handoff::conversation::EntryId::parse("notice").unwrap();
    notice.to = Some(Side::Desk);
    let along = [notice];
    let (store, _) = faulty(&table, "TransactWriteItems", CONFLICT, 1, true);
    let known = table.conversation().await;
    let mark = store.mark_together(&marks, false, &along, &known, 90).await;
    assert_eq!(mark.unwrap(), Mark::Done);
    assert!(table.lane(Side::User).await.entries.is_empty());
    let told = table.texts(Side::Desk).await;
    assert_eq!(told.iter().filter(|text| *text == "hello").count(), 1);
    // Whoever comes late with other marks gets nothing written.
    let late: Vec<_> = marks
        .into_iter()
        .map(|(entry, _)| {
            let delivered = Outcome::Delivered {
                remote_id: None,
                late: false,
            };
            (entry, delivered)
        })
        .collect();
    let mark = table
        .store
        .mark_together(&late, false, &[], &known, 90)
        .await;
    assert_eq!(mark.unwrap(), Mark::Lost);
}

#[tokio::test]
async fn of_several_who_put_an_attempt_off_one_does_and_it_is_no_attempt() {
    let table = Table::new().await;
    table.establish(100).await;
    let head = table.lane(Side::User).await.entries.remove(0);
    let (store, _) = faulty(&table, "UpdateItem", SINGLE_CONFLICT, 1, true);
    let at = 9_000_000_000_000;
    assert_eq!(
        store.postpone(&head, at, "later").await.unwrap(),
        Mark::Done
    );
    let other = table.store.postpone(&head, at + 1, "later").await.unwrap();
    assert_eq!(other, Mark::Lost, "so that there is one bell");
    let seen = table.lane(Side::User).await.entries.remove(0);
    assert_eq!((seen.attempts, seen.next_at), (0, Some(at)));
    assert_eq!(seen.error.as_deref(), Some("later"));
    let again = table.store.postpone(&seen, at + 2, "later").await.unwrap();
    assert_eq!(again, Mark::Done);
    assert_eq!(
        table.store.postpone(&seen, at + 3, "later").await.unwrap(),
        Mark::Lost
    );
}

#[tokio::test]
async fn what_was_established_anew_is_not_ended_by_older_news() {
    use handoff::conversation::ClosedBy;
    let table = Table::new().await;
    table.establish(100).await;
    let seen = table.conversation().await;
    table.establish(200).await;
    let end = async |seen| {
        let store = &table.store;
        store
            .end_as_seen(seen, ClosedBy::Bridge, Some("gone"), &[Side::Desk], 90)
            .await
            .unwrap()
    };
    assert!(!end(&seen).await, "the user asked again");
    assert!(!table.conversation().await.is_closed());
    let seen = table.conversation().await;
    assert!(end(&seen).await);
    assert!(table.conversation().await.is_closed());
    table.establish(300).await;
    assert!(!end(&seen).await, "the next episode");
    assert!(!table.conversation().await.is_closed());
}
