//! A user's line: stores it for the desk.

use handoff::webhook::Webhook;
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let chat = &chat::Chat(Webhook::from_env().await?);
    lambda_http::run(service_fn(|request| chat.handle(request))).await
}
