//! Taking parts of the bridge away, and giving them back.

use serde_json::{Value, json};

use super::scene::Scene;
use crate::aws::aws;
use crate::error::Error;

impl Scene {
    /// Lets the clock tick, or stops it: then nothing but bells can carry a lane on.
    pub(crate) async fn clock(&self, ticks: bool) -> Result<(), Error> {
        let name = self.stack.physical("ClockSchedule")?;
        let name = name.rsplit('/').next().unwrap_or(&name);
        let known = aws(&["scheduler", "get-schedule", "--name", name]).await?;
        let mut schedule = json!({"State": if ticks { "ENABLED" } else { "DISABLED" }});
        for part in [
            "Name",
            "GroupName",
            "ScheduleExpression",
            "FlexibleTimeWindow",
            "Target",
        ] {
            if known[part] != Value::Null {
                schedule[part] = known[part].clone();
            }
        }
        let schedule = schedule.to_string();
        aws(&[
            "scheduler",
            "update-schedule",
            "--cli-input-json",
            &schedule,
        ])
        .await
        .map(|_| ())
    }

    /// Lets delayed bells ring, or stops them.
    pub(crate) async fn delayed_bells(&self, ring: bool) -> Result<(), Error> {
        let mapping = self.stack.physical("RelayBellsMapping")?;
        let enabled = if ring { "--enabled" } else { "--no-enabled" };
        aws(&[
            "lambda",
            "update-event-source-mapping",
            "--uuid",
            &mapping,
            enabled,
        ])
        .await
        .map(|_| ())
    }

    /// Loses all delayed bells there are.
    pub(crate) async fn lose_bells(&self) -> Result<(), Error> {
        let queue = self.stack.physical("BellsQueue")?;
        aws(&["sqs", "purge-queue", "--queue-url", &queue])
            .await
            .map(|_| ())
    }
}
