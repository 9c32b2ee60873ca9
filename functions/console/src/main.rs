//! The agents' web page and its API: the built-in desk.

use console::Console;
use handoff::config::Base;
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let base = Base::from_env().await?;
    let console = Console::new(base.store, base.settings);
    let console = &console;
    lambda_http::run(service_fn(|request| console.handle(request))).await
}
