//! GPTBots ends a human conversation: stores the end for the desk.

use handoff::webhook::Webhook;
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let close = &close::Close(Webhook::from_env().await?);
    lambda_http::run(service_fn(|request| close.handle(request))).await
}
