//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Drives a bridge from both sides and checks the guarantee at the end.
#[derive(Debug, Parser)]
#[command(name = "load", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) load: Load,
}

/// What else can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The cost of a message while this many conversations are open, one after the other.
    Curve {
        /// How many.
        #[arg(value_delimiter = ',', default_value = "10,100,1000,10000")]
        conversations: Vec<usize>,
    },
}

/// The load.
#[derive(Debug, Clone, Args)]
pub(crate) struct Load {
    /// The webhooks' address, with the token: where none is given, a sandbox is started.
    #[arg(long, value_name = "URL", requires = "console", global = true)]
    pub(crate) bridge: Option<String>,
    /// The console's address, such as https://…/console.
    #[arg(long, value_name = "URL", requires = "bridge", global = true)]
    pub(crate) console: Option<String>,
    /// What the console's API takes as `Authorization: Bearer …` (or in LOAD_BEARER); none for a
    /// sandbox.
    #[arg(long, value_name = "TOKEN", global = true)]
    pub(crate) bearer: Option<String>,
    /// The bot that the bridge has a key and a base URL for; its base URL has to lead here.
    #[arg(long, default_value = "load", global = true)]
    pub(crate) bot: String,
    /// Where the driver is GPTBots: the bridge's replies come here.
    #[arg(long, default_value = "127.0.0.1:0", global = true)]
    pub(crate) gptbots_listen: SocketAddr,
    /// The sandbox to start; beside this program where none is named.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) sandbox: Option<PathBuf>,
    /// What else the sandbox is started with, such as "--faults=relay:kill=2%".
    #[arg(
        long,
        value_name = "ARGUMENT",
        allow_hyphen_values = true,
        global = true
    )]
    pub(crate) sandbox_argument: Vec<String>,

    /// How many conversations are open at once.
    #[arg(long, default_value_t = 100, global = true)]
    pub(crate) conversations: usize,
    /// How many messages, users' and agents' in turns.
    #[arg(long, default_value_t = 2_000, global = true)]
    pub(crate) messages: usize,
    /// How many messages a second, both directions together.
    #[arg(long, default_value_t = 50.0, global = true)]
    pub(crate) rate: f64,
    /// How long that goes on before anything counts, in seconds.
    #[arg(long, default_value_t = 5.0, global = true)]
    pub(crate) warm_up: f64,
    /// How many agents look at the list and at one conversation each.
    #[arg(long, default_value_t = 4, global = true)]
    pub(crate) agents: usize,
    /// How often an agent looks, in milliseconds.
    #[arg(long, default_value_t = 500, global = true)]
    pub(crate) look_ms: u64,
    /// For this many conversations GPTBots does not answer until all is sent. What the others
    /// had to wait is reported without them.
    #[arg(long, default_value_t = 0, global = true)]
    pub(crate) stuck: usize,
    /// How long after the last message all may take to arrive, in seconds.
    #[arg(long, default_value_t = 300, global = true)]
    pub(crate) patience: u64,
    /// Which conversation is written in when.
    #[arg(long, default_value_t = 1, global = true)]
    pub(crate) seed: u64,
}

impl Load {
    pub(crate) fn look(&self) -> Duration {
        Duration::from_millis(self.look_ms)
    }

    /// The console's token: a command line is for all to see, the environment is not.
    pub(crate) fn bearer(&self) -> Option<String> {
        let given = self.bearer.clone();
        given.or_else(|| std::env::var("LOAD_BEARER").ok())
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}
