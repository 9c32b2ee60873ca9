//! Erasing on request: a conversation, or all of a person.
//!
//! A conversation that is open is ended first, in the usual way: an entry of the log that the relay
//! carries, so that GPTBots lets the user go back to the bot and a desk closes its thread. Only when
//! they have been told is it erased; asked for again, the work goes on where it was. So every step
//! can be done twice, and may be broken off anywhere.

use futures_util::{TryStreamExt as _, stream};

use crate::conversation::{Agent, ClosedBy, ConversationId, EntryId, Side};
use crate::desk::CONSOLE;
use crate::files::{FileError, Files, MAX_FILES};
use crate::store::{Asked, Person, Store, StoreError, Sweep};
use crate::time::{Millis, SharedClock};

/// How many files are deleted side by side.
const AT_ONCE: usize = 16;
/// What the log, and so the desk, says of the end.
const REASON: &str = "its data is being erased";

/// Why something was not erased. What is gone until then stays gone.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file is still there.
    #[error("a file could not be deleted: {0}")]
    Files(#[from] FileError),
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Everything is gone, by this call.
    Done,
    /// There was nothing.
    Nothing,
    /// It has been ended, but those who have to know do not yet. Ask again in some seconds.
    Ending,
    /// It was opened anew while it was being erased. Ask again: the new one has to be ended, too.
    OpenedAnew,
}

/// How far a person's have come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonProgress {
    /// How many conversations are gone by this call.
    pub erased: usize,
    /// Those that are being ended.
    pub ending: Vec<ConversationId>,
    /// Whether the time was not enough for all.
    pub more: bool,
}

impl PersonProgress {
    /// Whether everything is gone.
    pub fn is_done(&self) -> bool {
        self.ending.is_empty() && !self.more
    }
}

/// Erases.
#[derive(Clone, Copy)]
pub struct Eraser<'a> {
    /// The table.
    pub store: &'a Store,
    /// The bucket.
    pub files: &'a dyn Files,
    /// By which it is ended when time is up.
    pub clock: &'a SharedClock,
    /// How long the end of a conversation stays, if it is never erased.
    pub retention_days: u32,
    /// Not to wait until GPTBots and the desk have been told of the end.
    pub at_once: bool,
}

impl Eraser<'_> {
    /// Erases a conversation. One that is not there is erased already.
    ///
    /// # Errors
    /// When the table or the bucket fails.
    pub async fn conversation(
        &self,
        id: &ConversationId,
        asked: &Asked<'_>,
    ) -> Result<Progress, ErasureError> {
        let mut traces = self.store.traces(id).await?;
        if traces.is_empty() {
            return Ok(Progress::Nothing);
        }
        let open = traces
            .conversation
            .as_ref()
            .filter(|known| !known.is_closed() && !known.is_tombstone());
        if let Some(known) = open {
            let tell: &[Side] = if known.desk == CONSOLE {
                &[Side::User]
            } else {
                &[Side::User, Side::Desk]
            };
            self.store
                .end(
                    id,
                    ClosedBy::Bridge,
                    Some(REASON),
                    tell,
                    self.retention_days,
                )
                .await?;
            if !self.at_once {
                return Ok(Progress::Ending);
            }
            traces = self.store.traces(id).await?;
        }
        // A close that came before its establish waits for it, and nobody has to be told.
        let tombstone = traces
            .conversation
            .as_ref()
            .is_none_or(|known| known.is_tombstone());
        if traces.closing_under_way && !tombstone && !self.at_once {
            return Ok(Progress::Ending);
        }
        self.store.mark_erased(id).await?;
        self.erase_files(id, &traces.with_files).await?;
        let files = traces.with_files.len();
        let items = self.store.erase_items(id, &traces).await?;
        let sweep = self.store.erase_rest(id, &traces, (items, files), asked);
        match sweep.await? {
            Sweep::Done => {
                tracing::info!(conversation_id = %id, items, files, "erased");
                Ok(Progress::Done)
            }
            Sweep::OpenedAnew => Ok(Progress::OpenedAnew),
        }
    }

    /// Deletes the files of these lines. Which of them were kept is not known any more, so each that
    /// can have been is deleted.
    async fn erase_files(&self, id: &ConversationId, lines: &[EntryId]) -> Result<(), FileError> {
        if !self.files.is_on() {
            return Ok(());
        }
        let all = lines
            .iter()
            .flat_map(|line| (0..MAX_FILES).map(move |n| Ok((line, n))));
        stream::iter(all)
            .try_for_each_concurrent(AT_ONCE, |(line, n)| self.files.remove(id, line, n))
            .await
    }

    /// Erases all conversations of a person, until `stop_at`.
    ///
    /// # Errors
    /// When the table or the bucket fails.
    pub async fn person(
        &self,
        person: &Person,
        by: &Agent,
        stop_at: Millis,
    ) -> Result<PersonProgress, ErasureError> {
        let asked = Asked {
            by,
            of_person: true,
        };
        let mut progress = PersonProgress::default();
        for id in self.store.conversations_of(person).await? {
            if self.clock.now() >= stop_at {
                progress.more = true;
                break;
            }
            match self.conversation(&id, &asked).await? {
                Progress::Done => progress.erased += 1,
                // Gone by itself, before its place among the person's.
                Progress::Nothing => self.store.erase_place(person, &id).await?,
                Progress::Ending => progress.ending.push(id),
                Progress::OpenedAnew => progress.more = true,
            }
        }
        Ok(progress)
    }
}
