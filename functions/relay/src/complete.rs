//! What an agent's line lacks when it comes from its desk: names, and files that only the desk opens.
//! It is asked for before the line is sent, and never holds it up for long.

use std::time::Duration;

use handoff::conversation::{Agent, Author, Entry, EntryId, Kind, Origin, Side};
use handoff::desk::{AgentLine, Desk, DeskError, DeskFile};
use handoff::files::{self, FileError};
use handoff::settings::Settings;
use handoff::store::StoreError;
use handoff::time::Millis;

use crate::Relay;

/// How long the desk is asked for names. Without them a line is still readable.
const NAMES_PATIENCE: Duration = Duration::from_millis(2_500);
/// How old a line may get while names are missing.
const NAMES_FOR: Millis = 10_000;
/// How long one file may take.
const FILE_PATIENCE: Duration = Duration::from_secs(8);
/// How long a line's files may take until others get their turn.
const FILES_AT_A_TIME: Millis = 12_000;
/// How old a line may get while a file is missing.
const FILES_FOR: Millis = 60_000;
/// The pause before the desk is asked again.
const AGAIN_AFTER: Millis = 2_000;

/// What became of a line.
pub(crate) enum Completed {
    /// It can be sent.
    Ready(Entry),
    /// The desk cannot say now; it is asked again then.
    Later {
        head: Entry,
        at: Millis,
        why: &'static str,
    },
    /// Somebody else is at it.
    Lost,
}

impl Relay {
    /// Asks the desk for what a line lacks, and writes it into the log.
    pub(crate) async fn complete(
        &self,
        head: Entry,
        settings: &Settings,
    ) -> Result<Completed, StoreError> {
        let Some(mut origin) = head.origin.clone().filter(|origin| !origin.is_ready()) else {
            return Ok(Completed::Ready(head));
        };
        let began = self.clock.now();
        let age = began - head.queued_at;
        let desk = self.desks.get(&origin.desk).await;
        let mut line = head.clone();
        if origin.incomplete {
            match self.names(&desk, &line, &origin).await {
                Ok(known) => {
                    line.author_name = Some(known.agent.name).filter(|name| !name.is_empty());
                    line.text = known.text;
                    origin.files = known.files;
                }
                Err(error) if error_passes(&error) && age < NAMES_FOR => {
                    let why = "its desk does not tell names now";
                    let at = began + AGAIN_AFTER;
                    return Ok(Completed::Later { head, at, why });
                }
                Err(error) => {
                    tracing::warn!(conversation_id = %head.conversation, entry_id = %head.id, %error, "sent without names");
                }
            }
            origin.incomplete = false;
        }
        let mut kept = Vec::new();
        let mut refused = Vec::new();
        let mut put_off = false;
        for (n, file) in std::mem::take(&mut origin.files).into_iter().enumerate() {
            if file.public || put_off {
                kept.push(file);
                continue;
            }
            if self.clock.now() - began > FILES_AT_A_TIME {
                put_off = true;
                kept.push(file);
                continue;
            }
            match self.hand_on(&desk, &line, n, &file).await {
                Ok(link) => kept.push(DeskFile {
                    url: link,
                    public: true,
                    ..file
                }),
                Err(FileError::Unavailable(_)) if age < FILES_FOR => {
                    put_off = true;
                    kept.push(file);
                }
                Err(error) => {
                    refused.push((n, error));
                    kept.push(file);
                }
            }
        }
        // Files go by their place in the line, in their links and in what is said of them: none
        // leaves its place before all are through.
        let mut notices = Vec::new();
        if !put_off {
            for (n, error) in refused.into_iter().rev() {
                let file = kept.remove(n);
                notices.push(self.not_sent(&line, n, &file, &error));
            }
            notices.reverse();
        }
        origin.files = kept;
        line.origin = Some(origin);
        let days = settings.retention_days;
        if !self.store.complete(&head, &line, &notices, days).await? {
            return Ok(Completed::Lost);
        }
        Ok(if put_off {
            Completed::Later {
                head: line,
                at: self.clock.now() + AGAIN_AFTER,
                why: "a file of it cannot be had now",
            }
        } else {
            Completed::Ready(line)
        })
    }

    async fn names(
        &self,
        desk: &Result<std::sync::Arc<dyn Desk>, DeskError>,
        line: &Entry,
        origin: &Origin,
    ) -> Result<AgentLine, DeskError> {
        let desk = desk.as_ref().map_err(Clone::clone)?;
        let line = AgentLine {
            agent: Agent {
                id: origin.agent.clone(),
                name: line.author_name.clone().unwrap_or_default(),
            },
            text: line.text.clone(),
            files: origin.files.clone(),
            incomplete: true,
        };
        match tokio::time::timeout(NAMES_PATIENCE, desk.complete(line)).await {
            Ok(answer) => answer,
            Err(_) => Err(DeskError::Unavailable {
                reason: "no answer in time".to_owned(),
                retry_after: None,
            }),
        }
    }

    /// Puts a file where the user can get it; answers the link.
    async fn hand_on(
        &self,
        desk: &Result<std::sync::Arc<dyn Desk>, DeskError>,
        line: &Entry,
        n: usize,
        file: &DeskFile,
    ) -> Result<String, FileError> {
        if !self.files.is_on() {
            return Err(FileError::Off);
        }
        files::fits(n, file)?;
        let attempt = async {
            let desk = desk.as_ref().map_err(|error| of_desk(error.clone()))?;
            let bytes = desk.fetch(file, files::MAX_BYTES).await.map_err(of_desk)?;
            self.files
                .keep(&line.conversation, &line.id, n, file, bytes)
                .await
        };
        match tokio::time::timeout(FILE_PATIENCE, attempt).await {
            Ok(kept) => kept,
            Err(_) => Err(FileError::Unavailable("It took too long".to_owned())),
        }
    }

    /// What the agents are told of a file that the user does not get.
    fn not_sent(&self, line: &Entry, n: usize, file: &DeskFile, error: &FileError) -> Entry {
        tracing::warn!(conversation_id = %line.conversation, entry_id = %line.id, %error, "a file is not sent");
        Entry::new(
            line.conversation.clone(),
            EntryId::of_system_line(line.at, &format!("file:{n}:{}", line.id)),
            Kind::Notice,
            Author::System,
            Some(Side::Desk),
            format!("{error}: {} was not sent to the user.", file.name),
            self.clock.now(),
        )
    }
}

fn error_passes(error: &DeskError) -> bool {
    matches!(
        error,
        DeskError::Unavailable { .. } | DeskError::NotConfigured(_)
    )
}

fn of_desk(error: DeskError) -> FileError {
    match error {
        DeskError::Unavailable { .. } | DeskError::NotConfigured(_) => {
            FileError::Unavailable("The file could not be read from its desk".to_owned())
        }
        DeskError::Rejected(_) | DeskError::Gone(_) => {
            FileError::Refused("The file could not be read from its desk".to_owned())
        }
    }
}
