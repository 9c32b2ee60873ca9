//! What is kept of people goes when they ask for it, and does not come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use handoff::conversation::{ConversationId, EntryId, PersonBy, Side};
use handoff::desk::DeskFile;
use handoff::erasure::{Eraser, PersonProgress, Progress};
use handoff::files::{FileError, Files, NoFiles};
use handoff::store::{CloseOutcome, EstablishOutcome, Sweep};

use crate::support::{ann, everything};

mod person;

use person::*;

#[tokio::test]
async fn erasing_a_person_leaves_no_trace_of_them() {
    let table = table_with_a_person().await;
    let clock = table.clock.shared();
    let eraser = eraser(&table.store, &NoFiles, &clock);
    assert!(
        left(&table.store).await.len() > 20,
        "the test looks where something is"
    );
    let kept = everything(&table.store).await;
    assert!(kept.iter().any(|item| item.contains("\"TIMER\"")));
    // The one that is open is ended first.
    let first = eraser.person(&person(), &ann(), i64::MAX).await.unwrap();
    assert_eq!(first.erased, 1);
    assert_eq!(first.ending, [conversation(2)]);
    let lane = table
        .store
        .lane(&conversation(2), Side::User)
        .await
        .unwrap();
    assert_eq!(lane.entries.len(), 1, "GPTBots is told");
    let again = eraser.person(&person(), &ann(), i64::MAX).await.unwrap();
    assert_eq!(
        again.ending,
        [conversation(2)],
        "not before it has been told"
    );
    deliver(&table, 2, "thread-secret-3").await;
    let done = eraser.person(&person(), &ann(), i64::MAX).await.unwrap();
    assert_eq!((done.erased, done.is_done()), (1, true));
    let left = left(&table.store).await;
    assert!(left.is_empty(), "{left:#?}");
    // Pressed once more.
    let nothing = eraser.person(&person(), &ann(), i64::MAX).await.unwrap();
    assert_eq!(nothing, PersonProgress::default());

    // What stays: somebody else, the figures, the markers, and the records, which name who asked.
    assert_eq!(table.conversation().await.id, crate::support::id());
    assert_eq!(table.lane(Side::Desk).await.entries.len(), 2);
    let records = table.store.erasures().await.unwrap();
    assert_eq!(records.len(), 2);
    assert!(
        records
            .iter()
            .all(|record| record.of_person && record.by == ann())
    );
    assert!(records.iter().all(|record| record.items > 4), "{records:?}");
    assert_eq!(records.iter().map(|record| record.files).sum::<i64>(), 1);
    let kinds = everything(&table.store).await;
    let stays = [
        "\"ERASED#",
        "\"ERASURES\"",
        "\"STATS#",
        "\"C#67d8",
        "\"P#bot#",
        "\"D#",
    ];
    for item in &kinds {
        assert!(stays.iter().any(|kind| item.contains(kind)), "{item}");
    }
}

#[tokio::test]
async fn one_conversation_can_go_alone() {
    let table = table_with_a_person().await;
    let clock = table.clock.shared();
    let eraser = eraser(&table.store, &NoFiles, &clock);
    let done = eraser
        .conversation(&conversation(1), &asked(&ann()))
        .await
        .unwrap();
    assert_eq!(done, Progress::Done);
    let ids = table.store.conversations_of(&person()).await.unwrap();
    assert_eq!(ids, [conversation(2)]);
    let left = left(&table.store).await;
    assert!(left.iter().all(|(_, private)| *private != "conv-secret-1"));
    assert!(left.iter().any(|(_, private)| *private == "conv-secret-2"));
    let again = eraser
        .conversation(&conversation(1), &asked(&ann()))
        .await
        .unwrap();
    assert_eq!(again, Progress::Nothing);
    assert_eq!(
        table.store.erasures().await.unwrap().len(),
        1,
        "recorded once"
    );
}

#[tokio::test]
async fn at_once_waits_for_nobody() {
    let table = table_with_a_person().await;
    let clock = table.clock.shared();
    let at_once = Eraser {
        at_once: true,
        ..eraser(&table.store, &NoFiles, &clock)
    };
    let done = at_once.person(&person(), &ann(), i64::MAX).await.unwrap();
    assert_eq!((done.erased, done.is_done()), (2, true));
    assert!(left(&table.store).await.is_empty());
}

#[tokio::test]
async fn another_id_of_the_same_conversations_is_named_and_not_followed() {
    let table = table_with_a_person().await;
    let mut known = Vec::new();
    for id in table.store.conversations_of(&person()).await.unwrap() {
        known.extend(table.store.conversation(&id).await.unwrap());
    }
    assert!(table.store.linked(&known).await.unwrap().is_empty());
    // Somebody with the same phone, who is known by nothing better.
    let mut other = establish(3, 500, None);
    other.user.anonymous_id = None;
    table
        .store
        .establish(&other, &handoff("console"))
        .await
        .unwrap();
    let linked = table.store.linked(&known).await.unwrap();
    assert_eq!(linked.len(), 1, "{linked:?}");
    assert_eq!(
        (linked[0].by, linked[0].conversations),
        (PersonBy::Phone, 1)
    );
    assert!(!format!("{linked:?}").contains("5550123"), "not in a log");
}

#[tokio::test]
async fn what_comes_late_does_not_bring_it_back() {
    let table = table_with_a_person().await;
    let clock = table.clock.shared();
    let eraser = eraser(&table.store, &NoFiles, &clock);
    let store = &table.store;
    eraser
        .conversation(&conversation(1), &asked(&ann()))
        .await
        .unwrap();
    let before = everything(store).await.len();
    // GPTBots' times are real ones here.
    let erased_at = handoff::time::Clock::now(&table.clock);
    let late = establish(1, erased_at - 60_000, Some("user-secret"));
    let outcome = store.establish(&late, &handoff("console")).await.unwrap();
    assert_eq!(outcome, EstablishOutcome::Repeated);
    assert_eq!(
        close(store, 1, erased_at - 50_000).await,
        CloseOutcome::Repeated
    );
    assert_eq!(everything(store).await.len(), before);

    // A line needs nothing else to be there, so it is stored. The relay finds that it is late.
    chat(store, 1, erased_at - 70_000).await;
    let lane = store.lane(&conversation(1), Side::Desk).await.unwrap();
    assert!(store.forget_if_erased(&lane.entries[0]).await.unwrap());
    let lane = store.lane(&conversation(1), Side::Desk).await.unwrap();
    assert!(lane.entries.is_empty());
    let log = store.log(&conversation(1), None).await.unwrap().unwrap();
    assert!(log.entries.is_empty(), "nobody sees it");
    let words: Vec<_> = everything(store)
        .await
        .into_iter()
        .filter(|item| item.contains("conv-secret-1") && item.contains("line secret"))
        .collect();
    assert!(words.is_empty(), "{words:?}");

    // What is sent after the erasure is new.
    chat(store, 1, erased_at + 10).await;
    let lane = store.lane(&conversation(1), Side::Desk).await.unwrap();
    assert!(!store.forget_if_erased(&lane.entries[0]).await.unwrap());
    let anew = establish(1, erased_at + 5, Some("user-secret"));
    let outcome = store.establish(&anew, &handoff("console")).await.unwrap();
    assert_eq!(outcome, EstablishOutcome::Opened);
    let known = store.conversation(&conversation(1)).await.unwrap().unwrap();
    assert_eq!(known.episode, 1);
    let lane = store.lane(&conversation(1), Side::Desk).await.unwrap();
    assert_eq!(
        lane.entries.len(),
        2,
        "the opening and the line that overtook it"
    );
}

#[tokio::test]
async fn one_that_is_opened_anew_meanwhile_stays_until_it_is_asked_for_again() {
    let table = table_with_a_person().await;
    let store = &table.store;
    let seen = store.traces(&conversation(1)).await.unwrap();
    store.erase_items(&conversation(1), &seen).await.unwrap();
    let anew = establish(1, 9_000, Some("user-secret"));
    store.establish(&anew, &handoff("console")).await.unwrap();
    let swept = store
        .erase_rest(&conversation(1), &seen, (0, 0), &asked(&ann()))
        .await
        .unwrap();
    assert_eq!(swept, Sweep::OpenedAnew);
    assert_eq!(
        store
            .conversation(&conversation(1))
            .await
            .unwrap()
            .unwrap()
            .episode,
        3
    );
    assert!(store.erasures().await.unwrap().is_empty());
    let clock = table.clock.shared();
    let at_once = Eraser {
        at_once: true,
        ..eraser(store, &NoFiles, &clock)
    };
    at_once.person(&person(), &ann(), i64::MAX).await.unwrap();
    assert!(left(store).await.is_empty());
}

/// Lets this many calls through; then it is as if the process had died.
#[derive(Debug, Clone)]
struct Dying {
    inner: SharedHttpClient,
    left: Arc<AtomicU32>,
}

#[derive(Debug)]
struct Connector(Dying, SharedHttpConnector);

impl HttpClient for Dying {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector(self.clone(), inner))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let alive = self
            .0
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if alive.is_ok() {
            return self.1.call(request);
        }
        let body = r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"dead"}"#;
        let mut answer = HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body));
        answer
            .headers_mut()
            .insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(answer))
    }
}

#[tokio::test]
async fn wherever_it_dies_it_is_finished_by_asking_again() {
    let mut calls = 0;
    loop {
        let table = table_with_a_person().await;
        let client = table.store.client().clone();
        let dying = Dying {
            inner: client.config().http_client().unwrap(),
            left: Arc::new(AtomicU32::new(calls)),
        };
        let config = client.config().to_builder().http_client(dying).build();
        let store = table.through(aws_sdk_dynamodb::Client::from_conf(config));
        let clock = table.clock.shared();
        let at_once = |store| Eraser {
            at_once: true,
            ..eraser(store, &NoFiles, &clock)
        };
        let died = at_once(&store)
            .person(&person(), &ann(), i64::MAX)
            .await
            .is_err();
        let again = at_once(&table.store)
            .person(&person(), &ann(), i64::MAX)
            .await;
        assert!(again.unwrap().is_done(), "died after {calls} calls");
        let left = left(&table.store).await;
        assert!(left.is_empty(), "died after {calls} calls: {left:#?}");
        let records = table.store.erasures().await.unwrap();
        assert_eq!(
            records.len(),
            2,
            "each conversation once, died after {calls} calls"
        );
        if !died {
            break;
        }
        // Deleting takes most of the calls, all of them alike.
        calls += 1 + calls / 3;
    }
    assert!(calls > 20, "{calls}");
}

/// A bucket that remembers what was deleted.
#[derive(Default)]
struct Bucket(std::sync::Mutex<Vec<(String, String, usize)>>);

#[async_trait::async_trait]
impl Files for Bucket {
    async fn keep(
        &self,
        _: &ConversationId,
        _: &EntryId,
        _: usize,
        _: &DeskFile,
        _: Vec<u8>,
    ) -> Result<String, FileError> {
        Err(FileError::Off)
    }

    async fn remove(
        &self,
        id: &ConversationId,
        entry: &EntryId,
        n: usize,
    ) -> Result<(), FileError> {
        if n == 3 {
            return Err(FileError::Unavailable("down".into()));
        }
        let gone = (id.to_string(), entry.to_string(), n);
        self.0.lock().unwrap().push(gone);
        Ok(())
    }
}

#[tokio::test]
async fn nothing_is_forgotten_while_its_files_are_still_there() {
    let table = table_with_a_person().await;
    let clock = table.clock.shared();
    let bucket = Bucket::default();
    let eraser = eraser(&table.store, &bucket, &clock);
    let error = eraser
        .conversation(&conversation(1), &asked(&ann()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("down"), "{error}");
    let gone = bucket.0.lock().unwrap().clone();
    assert!(gone.iter().all(|(id, ..)| id == "conv-secret-1") && !gone.is_empty());
    let traces = table.store.traces(&conversation(1)).await.unwrap();
    assert_eq!(traces.with_files.len(), 1, "so that they are found again");
}
