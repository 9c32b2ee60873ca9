//! `settings`: reads, checks and writes the operator's settings.
//!
//! What is written takes the place of the version that it was made from and of no other, so that
//! two operators cannot overwrite each other unseen.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use handoff::random::Random;
use handoff::settings::{Mistake, Settings};
use handoff::store::{Client, Store};
use handoff::time::SystemClock;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::aws::{self, Deployment};

/// What to do with the settings.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the settings with their version, as "put" takes them.
    Get {
        #[command(flatten)]
        deployment: Deployment,
        /// Print what holds, with every default, instead of what is written.
        #[arg(long)]
        all: bool,
    },
    /// Writes settings in place of the version that they were made from.
    Put {
        #[command(flatten)]
        deployment: Deployment,
        /// A file as "get" prints it, or a document alone; "-" for stdin.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The version that they take the place of (0: none is written yet), where the file does not
        /// say.
        #[arg(long, value_name = "NUMBER")]
        version: Option<i64>,
    },
    /// Names every mistake in a file, with its place. Needs no deployment.
    Check {
        /// A file as "get" prints it, or a document alone; "-" for stdin.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// These are the settings.
    Got {
        /// Counts the changes; 0: none were written.
        version: i64,
        /// The document.
        settings: Value,
    },
    /// They are written, as this version.
    Put(i64),
    /// Somebody else has written another version meanwhile.
    Changed {
        /// What they were made from.
        from: i64,
        /// What is there now.
        now: i64,
    },
    /// Nothing is wrong with them.
    Fine,
    /// What is wrong with them; nothing was written.
    Wrong(Vec<Mistake>),
}

impl Done {
    /// Whether it is as it was asked for.
    pub fn is_well(&self) -> bool {
        !matches!(self, Self::Changed { .. } | Self::Wrong(_))
    }

    /// In words; settings as JSON.
    pub fn show(&self) -> String {
        let mut text = String::new();
        let _ = match self {
            Self::Got { version, settings } => {
                let file = json!({"version": version, "settings": settings});
                writeln!(text, "{file:#}")
            }
            Self::Put(version) => writeln!(
                text,
                "Written as version {version}. Functions use them within a minute."
            ),
            Self::Changed { from, now } => writeln!(
                text,
                "Not written: they were made from version {from}, and version {now} is there now. \
                 Get that, and change it."
            ),
            Self::Fine => writeln!(text, "Nothing is wrong with them."),
            Self::Wrong(mistakes) => {
                for mistake in mistakes {
                    let _ = writeln!(text, "{mistake}");
                }
                writeln!(text, "{} wrong. Nothing was written.", mistakes.len())
            }
        };
        text
    }
}

/// Does what is asked for.
///
/// # Errors
/// When the table or the file cannot be found, read or written.
pub async fn run(options: &Options) -> Result<Done, Error> {
    match &options.command {
        Command::Get { deployment, all } => get(&store(deployment).await?, *all).await,
        Command::Put {
            deployment,
            file,
            version,
        } => {
            let (in_file, settings) = split(read(file)?);
            let version = version.or(in_file).ok_or_else(|| {
                Error::Usage(
                    "which version do they take the place of? Give --version, or a file as \"get\" prints it"
                        .to_owned(),
                )
            })?;
            if let Err(mistakes) = check(&settings) {
                return Ok(Done::Wrong(mistakes));
            }
            put(&store(deployment).await?, &settings, version).await
        }
        Command::Check { file } => Ok(match check(&split(read(file)?).1) {
            Ok(()) => Done::Fine,
            Err(mistakes) => Done::Wrong(mistakes),
        }),
    }
}

async fn store(deployment: &Deployment) -> Result<Store, Error> {
    let table = deployment.resolve()?.table.ok_or_else(|| {
        Error::Usage("which table? Give --table, --stack or --outputs".to_owned())
    })?;
    let client = Client::new(&aws::sdk_config().await);
    let random = Random::from_entropy();
    Ok(Store::new(client, table, SystemClock::shared(), random))
}

fn read(file: &Path) -> Result<String, Error> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    text.map_err(|error| Error::Usage(format!("{} cannot be read: {error}", file.display())))
}

/// The version and the document in what `get` printed; anything else is a document.
fn split(text: String) -> (Option<i64>, String) {
    let Ok(Value::Object(file)) = serde_json::from_str::<Value>(&text) else {
        return (None, text);
    };
    match (
        file.get("version").and_then(Value::as_i64),
        file.get("settings"),
    ) {
        (Some(version), Some(settings)) if file.len() == 2 => {
            (Some(version), format!("{settings:#}"))
        }
        _ => (None, text),
    }
}

fn check(document: &str) -> Result<(), Vec<Mistake>> {
    Settings::check(document).map(drop)
}

async fn get(store: &Store, all: bool) -> Result<Done, Error> {
    let (version, document) = match store.settings().await? {
        Some(stored) => (stored.version, stored.document),
        None => (0, "{}".to_owned()),
    };
    let settings = if all {
        let settings = match Settings::check(&document) {
            Ok(settings) => settings,
            Err(mistakes) => return Ok(Done::Wrong(mistakes)),
        };
        serde_json::to_value(&settings).unwrap_or_default()
    } else {
        // What somebody wrote by hand need not be JSON: it is shown as it is, to be mended.
        serde_json::from_str(&document).unwrap_or(Value::String(document))
    };
    Ok(Done::Got { version, settings })
}

async fn put(store: &Store, document: &str, version: i64) -> Result<Done, Error> {
    // Written without the white space: every function reads it again and again.
    let compact = serde_json::from_str::<Map<String, Value>>(document).map_or_else(
        |_| document.to_owned(),
        |map| Value::Object(map).to_string(),
    );
    if store.put_settings(&compact, version).await? {
        return Ok(Done::Put(version + 1));
    }
    let now = store.settings().await?.map_or(0, |stored| stored.version);
    Ok(Done::Changed { from: version, now })
}
