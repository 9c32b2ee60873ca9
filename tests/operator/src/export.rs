//! `export`: hands out all that is kept of a conversation, or of a person.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use handoff::export::{as_json, as_text};
use handoff::store::{Export, Store};
use handoff::time::{Clock as _, SystemClock, iso};
use serde_json::json;

use crate::Error;
use crate::aws::Deployment;
use crate::whom::{self, Whom};

/// What to hand out, and how.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    deployment: Deployment,
    #[command(flatten)]
    whom: Whom,
    /// As JSON for programs, or as text for people.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Where to write it; a file that is there stays as it is. "-" is stdout.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Text,
}

/// Writes the export, and says what it holds.
///
/// # Errors
/// When the table cannot be read, nothing is found, or the file cannot be written.
pub async fn run(options: &Options) -> Result<String, Error> {
    let (store, ..) = whom::store(&options.deployment).await?;
    let found = options.whom.find(&store).await?;
    let exports = read(&store, &found.ids).await?;
    if exports.is_empty() {
        return Err(Error::Usage(
            "nothing is kept of this conversation or person".to_owned(),
        ));
    }
    let content = match options.format {
        Format::Text => exports.iter().map(as_text).collect::<Vec<_>>().join("\n\n"),
        Format::Json => {
            let all = json!({
                "exported_at": iso(SystemClock.now()),
                "conversations": exports.iter().map(as_json).collect::<Vec<_>>(),
            });
            format!("{all:#}\n")
        }
    };
    if options.out.as_os_str() == "-" {
        return Ok(content);
    }
    write(&options.out, &content)?;
    let mut said = format!(
        "{} conversations written to {}.\n",
        exports.len(),
        options.out.display()
    );
    for also in found.also {
        said.push_str(&also);
        said.push('\n');
    }
    Ok(said)
}

async fn read(
    store: &Store,
    ids: &[handoff::conversation::ConversationId],
) -> Result<Vec<Export>, Error> {
    let mut exports = Vec::new();
    for id in ids {
        exports.extend(store.export(id).await?);
    }
    Ok(exports)
}

/// Writes a new file that nobody else on this machine can read.
fn write(path: &PathBuf, content: &str) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::File(format!("{}: {error}", path.display()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(content.as_bytes()).map_err(failed)
}
