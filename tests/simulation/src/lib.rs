//! Random histories of both sides, with faults and kills, in virtual time, checked against the
//! guarantee by a model that knows nothing of how the bridge works.
//!
//! # What runs
//!
//! The product's own handlers (establish, chat, close, console, relay, clock) and its own store, over
//! the real AWS SDK with the product's timeouts and retries. The SDK's HTTP client hands requests to
//! an embedded DynamoDB in this process, without a socket, so that tokio's paused clock can jump over
//! every wait. Around that is made up: GPTBots, a desk, the stream's event source mapping (with the
//! filter of `template.yaml`), the queue of bells with its visibility timeout, the minute's schedule,
//! Lambda's processes, each with a clock that is off and an end that can come at any moment, and the
//! users and agents.
//!
//! # A history
//!
//! A `Plan` is drawn from a seed before it begins: what people do, and what goes wrong. It is
//! data, so that it can be repeated, and shrunk by leaving things out while it still breaks the same
//! promise. All else that is random (latencies, who is called which number) follows from the seed and
//! the number of the call. The hash of the trace is the same each time; a test holds on to that.
//!
//! # The model
//!
//! It judges by a ledger: what the bridge was told and how it answered, what the bridge told others
//! and what they made of it. The lines that the user and the agents saw are what counts; of the table
//! it uses which process wrote an entry when, to tell which window a second copy fell into. A second
//! copy outside of the named windows breaks the guarantee, as does anything lost, out of order, stuck,
//! failed before its time or without a reason, or ended on one side only.
//!
//! # Why no framework
//!
//! - `turmoil` simulates hosts that talk over a network. Here nothing does: what AWS puts between the
//!   functions (streams, queues, processes) is what has to misbehave, and that would still be ours.
//! - `madsim` replaces tokio itself, at compile time, for all crates; the SDK and its tokio would have
//!   to be patched. tokio's own paused clock on one thread is enough for the same run twice.
//! - `loom` and `stateright` search all interleavings of a small model. The model would be a second
//!   implementation; the mistakes are in the first.
//! - `fail` needs hooks in the product, and knows only the places that somebody thought of. Here every
//!   call to the outside is a place to die at.
//! - `proptest` state machines draw and shrink well, but draw step by step against one state; faults
//!   here hit by the number of a call or by time. Shrinking a list is thirty lines.

// The SDK's futures are deep.
#![recursion_limit = "256"]

mod bells;
mod chance;
mod desk;
mod exchange;
mod front;
mod gptbots;
mod history;
mod ledger;
mod model;
mod plan;
mod process;
mod shrink;
mod summary;
mod table;
mod world;

pub use history::{Outcome, Runner, run_alone};
pub use model::{Verdict, Violation, Window};
pub use plan::{
    CallFault, Deed, DeskKind, Fate, Fault, Party, Plan, Post, Profile, Shape, TableFault, What,
};
pub use shrink::shrunk;
pub use summary::Summary;
