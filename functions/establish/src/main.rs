//! GPTBots asks for a human: stores the conversation, its history and the greeting.

use handoff::config::{Base, tokens_from_env};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let base = Base::from_env().await?;
    let establish = establish::Establish::new(base.store, base.settings, tokens_from_env()?);
    let establish = &establish;
    lambda_http::run(service_fn(|request| establish.handle(request))).await
}
