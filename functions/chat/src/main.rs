//! A user's line: stores it for the desk.

use handoff::config::{Base, tokens_from_env};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let base = Base::from_env().await?;
    let chat = chat::Chat::new(base.store, base.settings, tokens_from_env()?);
    let chat = &chat;
    lambda_http::run(service_fn(|request| chat.handle(request))).await
}
