//! Called every minute: rings the lanes that strayed, and writes what is due.

use clock::Clock;
use handoff::config::Base;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // What is due has been decided when it was written: of the settings it needs nothing.
    let base: Base<()> = Base::from_env().await?;
    let clock = Clock {
        bells: base.bells_from_env(),
        store: base.store,
        clock: base.clock,
        metrics: base.metrics,
    };
    let clock = &clock;
    // What the schedule sends does not matter: that it does is the message.
    let handle = async |_: LambdaEvent<Value>| clock.tick().await.map_err(Error::from);
    lambda_runtime::run(service_fn(handle)).await
}
