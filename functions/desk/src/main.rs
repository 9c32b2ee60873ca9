//! Called by help desks: what agents do there, into the log.

use std::sync::Arc;

use desk::DeskWebhooks;
use handoff::config::Base;
use handoff::desk::{DeskHttp, DeskSource};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let base = Base::from_env().await?;
    let (secrets, targets) = base.secrets_from_env().await?;
    let http = DeskHttp::new(targets, base.clock.clone())?;
    let desk = &DeskWebhooks {
        store: base.store,
        settings: base.settings,
        desks: DeskSource::new(Arc::new(secrets), http),
        clock: base.clock,
        metrics: base.metrics,
    };
    lambda_http::run(service_fn(|request| desk.handle(request))).await
}
