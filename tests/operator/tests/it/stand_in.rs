//! A server that answers what a test wants.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};

/// What is answered to a request, by its path: a status and a body.
pub(crate) type Answer = dyn Fn(&str) -> (u16, String) + Send + Sync;

/// A server on loopback; it lives as long as the test.
#[derive(Clone)]
pub(crate) struct StandIn {
    pub(crate) url: String,
    /// What was asked: paths, and whether a key came with it.
    pub(crate) asked: Arc<Mutex<Vec<(String, bool)>>>,
}

impl StandIn {
    pub(crate) async fn start(
        answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer: Arc<Answer> = Arc::new(answer);
        let asked: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
        let seen = asked.clone();
        let handler = move |uri: Uri, headers: HeaderMap, _: Bytes| async move {
            let with_key = headers.contains_key("authorization");
            seen.lock().unwrap().push((uri.path().to_owned(), with_key));
            let (status, body) = answer(uri.path());
            (
                StatusCode::from_u16(status).unwrap(),
                [("content-type", "application/json")],
                body,
            )
        };
        let router = Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    /// A server that answers everything the same.
    pub(crate) async fn always(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_| (status, body.clone())).await
    }
}

/// Where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
