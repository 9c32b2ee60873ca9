//! What the parts of this crate invoke: a Lambda function, in this process or in one of its own.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::FutureExt;
pub use futures_util::future::BoxFuture;
use lambda_http::{
    Adapter, Context, IntoResponse, LambdaEvent, Request, Service, lambda_runtime::Diagnostic,
    request::LambdaRequest, service_fn,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::time::epoch_millis;

/// Something that is invoked with a Lambda event and answers JSON, or fails.
pub trait Function: Send + Sync {
    /// Handles one event.
    ///
    /// # Errors
    /// The function failed: it returned an error, panicked, or ran out of time. The text is for
    /// people; the callers only need to know that it failed.
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, String>>;
}

/// A function that several parts can invoke at the same time.
pub type SharedFunction = Arc<dyn Function>;

impl<F: Function + ?Sized> Function for Arc<F> {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, String>> {
        (**self).invoke(event)
    }
}

struct HttpFunction<H>(H);

/// A function from a handler of `lambda_http`.
///
/// The event goes through the deserialisation and the adapter that `lambda_http::run` uses, as
/// text, so what runs here is what runs in Lambda. A panic is a failed invocation, as there.
pub fn http_function<H, Fut, R, E>(handler: H) -> SharedFunction
where
    H: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoResponse + Send + 'static,
    E: Into<Diagnostic> + Send + 'static,
{
    Arc::new(HttpFunction(handler))
}

impl<H, Fut, R, E> Function for HttpFunction<H>
where
    H: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoResponse + Send + 'static,
    E: Into<Diagnostic> + Send + 'static,
{
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, String>> {
        caught(async move {
            let request: LambdaRequest = reparsed(&event)?;
            let response = {
                // Gone before the await: the adapter is not Send for every response type.
                let mut adapter = Adapter::from(service_fn(&self.0));
                adapter.call(LambdaEvent::new(request, context()))
            };
            let response = response.await.map_err(described)?;
            serde_json::to_value(response).map_err(|error| error.to_string())
        })
    }
}

struct EventFunction<H, T>(H, std::marker::PhantomData<fn(T)>);

/// A function from a handler of events: of [`Value`], or of any type an event can be read into.
///
/// An event that cannot be read and a panic are failed invocations, as in Lambda.
pub fn event_function<H, Fut, T, R, E>(handler: H) -> SharedFunction
where
    H: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    T: DeserializeOwned + 'static,
    R: Serialize + Send + 'static,
    E: Into<Diagnostic> + Send + 'static,
{
    Arc::new(EventFunction(handler, std::marker::PhantomData))
}

impl<H, Fut, T, R, E> Function for EventFunction<H, T>
where
    H: Fn(T) -> Fut + Send + Sync,
    Fut: Future<Output = Result<R, E>> + Send,
    T: DeserializeOwned,
    R: Serialize + Send,
    E: Into<Diagnostic> + Send,
{
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, String>> {
        caught(async move {
            // Not kept across the await: an event type need not be Send.
            let answer = { (self.0)(reparsed(&event)?) };
            let answer = answer.await.map_err(described)?;
            serde_json::to_value(answer).map_err(|error| error.to_string())
        })
    }
}

/// The event as Lambda hands it over: as text, since reading from a `Value` differs in details
/// such as the order of keys and raw values.
fn reparsed<T: DeserializeOwned>(event: &Value) -> Result<T, String> {
    serde_json::from_str(&event.to_string())
        .map_err(|error| format!("event not understood: {error}"))
}

/// What `lambda_runtime` would report of an error.
fn described(error: impl Into<Diagnostic>) -> String {
    let diagnostic = error.into();
    format!("{}: {}", diagnostic.error_type, diagnostic.error_message)
}

/// Turns a panic into a failed invocation.
fn caught<'a>(
    future: impl Future<Output = Result<Value, String>> + Send + 'a,
) -> BoxFuture<'a, Result<Value, String>> {
    AssertUnwindSafe(future)
        .catch_unwind()
        .map(|outcome| {
            outcome.unwrap_or_else(|panic| {
                let message = panic
                    .downcast_ref::<&str>()
                    .map(ToString::to_string)
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_default();
                Err(format!("panicked: {message}"))
            })
        })
        .boxed()
}

/// An invocation's context: an id of its own and API Gateway's 30 seconds.
fn context() -> Context {
    let mut context = Context::default();
    context.request_id = crate::ids::uuid();
    context.deadline = epoch_millis(SystemTime::now() + Duration::from_secs(30));
    context
}
