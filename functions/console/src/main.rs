//! The agents' web page and its API: the built-in desk.

use console::{Console, SignIn};
use handoff::config::Base;
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let base = Base::from_env().await?;
    let files = base.files_from_env()?;
    let console = Console::new(base.store, base.settings)
        .with_files(files)
        .with_clock(base.clock)
        .with_sign_in(SignIn::from_env()?);
    let console = &console;
    lambda_http::run(service_fn(|request| console.handle(request))).await
}
