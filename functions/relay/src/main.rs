//! Drains lanes: carries entries to the desk and to the user. The only function that sends.

use std::sync::Arc;

use handoff::config::Base;
use handoff::desk::{DeskHttp, DeskSource};
use handoff::gptbots::Client;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use relay::{Health, Relay, RelayEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let base = Base::from_env().await?;
    let (secrets, targets) = base.secrets_from_env().await?;
    let secrets = Arc::new(secrets);
    let http = DeskHttp::new(targets, base.clock.clone())?;
    let relay = Relay {
        files: base.files_from_env()?,
        bells: base.bells_from_env(),
        store: base.store,
        settings: base.settings,
        desks: DeskSource::new(secrets.clone(), http),
        secrets,
        gptbots: Arc::new(Client::new(targets, base.clock.clone())?),
        health: Health::default(),
        clock: base.clock,
        random: base.random,
        metrics: base.metrics,
    };
    let relay = &relay;
    let handle = |event: LambdaEvent<RelayEvent>| relay.handle(event.payload);
    lambda_runtime::run(service_fn(handle)).await
}
