//! GPTBots asks for a human: stores the conversation, its history and the greeting.

use handoff::webhook::Webhook;
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let establish = &establish::Establish(Webhook::from_env().await?);
    lambda_http::run(service_fn(|request| establish.handle(request))).await
}
