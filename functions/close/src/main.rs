//! GPTBots ends a human conversation: stores the end for the desk.

use handoff::config::{Base, tokens_from_env};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let base = Base::from_env().await?;
    let close = close::Close::new(base.store, base.settings, tokens_from_env()?);
    let close = &close;
    lambda_http::run(service_fn(|request| close.handle(request))).await
}
