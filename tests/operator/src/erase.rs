//! `erase`: erases all that was written about a conversation, or a person.
//!
//! What is open is ended first, and erased when GPTBots and the desk have been told of the end. It
//! can be broken off and run again: what is gone is passed over.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use handoff::conversation::{Agent, ConversationId};
use handoff::erasure::{Eraser, Progress};
use handoff::files::{Bucket, Files, NoFiles};
use handoff::settings::Settings;
use handoff::store::{Asked, Store};
use handoff::time::{Clock as _, SystemClock};
use serde_json::json;

use crate::Error;
use crate::aws::{Deployment, Outputs};
use crate::whom::{self, Whom};

/// Pause between two looks whether everybody has been told of an end.
const PAUSE: Duration = Duration::from_secs(2);

/// What to erase.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    deployment: Deployment,
    #[command(flatten)]
    whom: Whom,
    /// Do it, instead of only saying what would be done.
    #[arg(long)]
    yes: bool,
    /// Do not wait until GPTBots and the desk have been told that open conversations end.
    #[arg(long)]
    at_once: bool,
    /// How many seconds to wait for that.
    #[arg(long, value_name = "N", default_value_t = 60)]
    wait_seconds: u32,
    /// Who asked for it, for the record. Not the person whose data is erased.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    by: String,
    /// The bucket of agents' files (output FilesBucketName). Without it they go within a week.
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// What was found, and what was done about it.
#[derive(Debug, Default)]
pub struct Done {
    /// The conversations.
    pub found: Vec<ConversationId>,
    /// How many of them are gone.
    pub erased: usize,
    /// Those that are still being ended.
    pub ending: Vec<ConversationId>,
    also: Vec<String>,
}

/// Finds what is asked for and, with `--yes`, erases it.
///
/// # Errors
/// When the table or the bucket fails.
pub async fn run(options: &Options) -> Result<Done, Error> {
    let (store, outputs, config) = whom::store(&options.deployment).await?;
    let files = files(options, &outputs, &config)?;
    let found = options.whom.find(&store).await?;
    let mut done = Done {
        also: found.also.clone(),
        ..Done::default()
    };
    for id in &found.ids {
        // A person's list can name conversations that are gone.
        if !store.traces(id).await?.is_empty() {
            done.found.push(id.clone());
        }
    }
    if !options.yes {
        return Ok(done);
    }
    let stop_at = SystemClock.now() + i64::from(options.wait_seconds) * 1_000;
    loop {
        erase(&store, files.as_ref(), options, &found, &mut done).await?;
        if done.ending.is_empty() || SystemClock.now() >= stop_at {
            return Ok(done);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One round.
async fn erase(
    store: &Store,
    files: &dyn Files,
    options: &Options,
    found: &whom::Found,
    done: &mut Done,
) -> Result<(), Error> {
    let clock = SystemClock::shared();
    let eraser = Eraser {
        store,
        files,
        clock: &clock,
        retention_days: retention_days(store).await?,
        at_once: options.at_once,
    };
    let by = Agent {
        id: "operator".to_owned(),
        name: options.by.clone(),
    };
    done.ending.clear();
    if let Some(person) = &found.person {
        let progress = eraser.person(person, &by, i64::MAX).await?;
        done.erased += progress.erased;
        done.ending = progress.ending;
        if progress.more {
            // Opened anew while it was being erased: once more.
            done.ending.extend(found.ids.iter().take(1).cloned());
        }
        return Ok(());
    }
    let asked = Asked {
        by: &by,
        of_person: false,
    };
    for id in &found.ids {
        match eraser.conversation(id, &asked).await? {
            Progress::Done => done.erased += 1,
            Progress::Nothing => {}
            Progress::Ending | Progress::OpenedAnew => done.ending.push(id.clone()),
        }
    }
    Ok(())
}

async fn retention_days(store: &Store) -> Result<u32, Error> {
    let stored = store.settings().await?;
    // A document that is not valid is not in force either.
    let settings = stored.and_then(|stored| Settings::parse(&stored.document).ok());
    Ok(settings.unwrap_or_default().retention_days)
}

fn files(
    options: &Options,
    outputs: &Outputs,
    config: &aws_config::SdkConfig,
) -> Result<Arc<dyn Files>, Error> {
    let bucket = options.bucket.as_ref().or(outputs.bucket.as_ref());
    let (Some(bucket), Some(credentials)) = (bucket, config.credentials_provider()) else {
        return Ok(Arc::new(NoFiles));
    };
    let endpoint = std::env::var("AWS_ENDPOINT_URL_S3").ok();
    let region = config
        .region()
        .map_or("us-east-1", |region| region.as_ref());
    let bucket = Bucket::new(
        bucket,
        endpoint.as_deref(),
        region,
        credentials,
        SystemClock::shared(),
    );
    Ok(Arc::new(
        bucket.map_err(handoff::erasure::ErasureError::from)?,
    ))
}

impl Done {
    /// Whether all is done that was asked for.
    pub fn is_well(&self, options: &Options) -> bool {
        !options.yes || self.ending.is_empty()
    }

    /// The outcome, for people or as JSON.
    pub fn show(&self, options: &Options) -> String {
        let ids = |ids: &[ConversationId]| {
            ids.iter()
                .map(|id| id.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        if options.json {
            let json = json!({
                "found": ids(&self.found), "erased": if options.yes { self.erased } else { 0 },
                "ending": ids(&self.ending), "also": self.also,
            });
            return format!("{json}\n");
        }
        let mut text = String::new();
        for id in &self.found {
            let _ = writeln!(text, "{id}");
        }
        let _ = match (self.found.len(), options.yes) {
            (0, _) => writeln!(text, "Nothing is kept of this conversation or person."),
            (found, false) => writeln!(
                text,
                "{found} conversations. Add --yes to erase them, and to end those that are open first. This cannot be undone."
            ),
            (found, true) => writeln!(text, "{found} conversations: {} erased.", self.erased),
        };
        for id in &self.ending {
            let _ = writeln!(
                text,
                "{id} is being ended. Run it again in a while, or with --at-once."
            );
        }
        for also in &self.also {
            let _ = writeln!(text, "{also}");
        }
        if options.yes {
            text.push_str("Desks, GPTBots and point-in-time recovery keep copies of their own: see docs/privacy.md.\n");
        }
        text
    }
}
