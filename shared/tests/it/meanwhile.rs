//! Two that write at once: one gets its way in the middle of the other.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use handoff::store::{CloseOutcome, EstablishOutcome, Store};

use crate::support::{Table, close, establish, handoff};

type Other = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Before the call that is reached when `calls` others have been made, somebody else does something.
#[derive(Clone)]
struct Meanwhile {
    inner: SharedHttpClient,
    other: Arc<Mutex<(u32, Option<Other>)>>,
}

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[derive(Debug)]
struct Connector(Meanwhile, SharedHttpConnector);

impl HttpClient for Meanwhile {
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
        let other = {
            let mut other = self.0.other.lock().unwrap();
            let due = other.0 == 0;
            other.0 = other.0.saturating_sub(1);
            if due { other.1.take() } else { None }
        };
        let inner = self.1.clone();
        HttpConnectorFuture::new(async move {
            if let Some(other) = other {
                other.await;
            }
            inner.call(request).await
        })
    }
}

/// The table through a client before whose call of this number somebody else does this.
fn with(table: &Table, calls: u32, other: impl Future<Output = ()> + Send + 'static) -> Store {
    let client = table.store.client();
    let meanwhile = Meanwhile {
        inner: client.config().http_client().unwrap(),
        other: Arc::new(Mutex::new((calls, Some(Box::pin(other))))),
    };
    let config = client.config().to_builder().http_client(meanwhile).build();
    table.through(aws_sdk_dynamodb::Client::from_conf(config))
}

/// Found by the simulation (seeds 26597, 29149, 61505): a handoff and its end reach two processes at
/// once, after an earlier handoff of the conversation has ended.
#[tokio::test]
async fn an_end_that_comes_while_its_handoff_is_stored_is_not_lost() {
    for calls in 0..2 {
        let table = Table::new().await;
        table.establish(100).await;
        table.store.close(&close(200), 90).await.unwrap();
        let other = table.store.clone();
        let store = with(&table, calls, async move {
            other.close(&close(320), 90).await.unwrap();
        });
        let outcome = store.establish(&establish(300), &handoff()).await.unwrap();
        assert_eq!(outcome, EstablishOutcome::AlreadyEnded, "{calls}");
        let known = table.conversation().await;
        assert!(
            known.is_closed() && known.episode == 2,
            "{calls}: {known:?}"
        );
    }
}

#[tokio::test]
async fn an_end_whose_handoff_is_stored_meanwhile_is_not_lost() {
    for calls in 0..4 {
        let table = Table::new().await;
        table.establish(100).await;
        table.store.close(&close(200), 90).await.unwrap();
        let other = table.store.clone();
        let store = with(&table, calls, async move {
            let opened = other.establish(&establish(300), &handoff()).await.unwrap();
            assert_eq!(opened, EstablishOutcome::Opened);
        });
        let outcome = store.close(&close(320), 90).await.unwrap();
        assert_eq!(outcome, CloseOutcome::Closed, "{calls}");
        let known = table.conversation().await;
        assert!(
            known.is_closed() && known.episode == 2,
            "{calls}: {known:?}"
        );
    }
}

#[tokio::test]
async fn an_older_end_leaves_what_is_opened_anew_meanwhile_alone() {
    for calls in 0..4 {
        let table = Table::new().await;
        table.establish(100).await;
        table.store.close(&close(200), 90).await.unwrap();
        let other = table.store.clone();
        let store = with(&table, calls, async move {
            other.establish(&establish(300), &handoff()).await.unwrap();
        });
        let outcome = store.close(&close(250), 90).await.unwrap();
        assert_eq!(outcome, CloseOutcome::Repeated, "{calls}");
        assert!(!table.conversation().await.is_closed(), "{calls}");
    }
}
