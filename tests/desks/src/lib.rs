//! The conformance suite of the desks.
//!
//! Every check is run for every desk against the desk's stand-in, inside a running sandbox: a user
//! at the stand-in for GPTBots, the webhooks, the table, the relay, the `desk` function. So a check
//! that passes has passed through everything but the vendors themselves.
//!
//! `cargo run -p desks` prints the table, `cargo test -p desks` runs all of it as tests, and
//! `tests/broken.rs` shows that a desk which breaks a rule fails the check of that rule, and no
//! other.

pub mod checks;
mod console;
mod patience;
mod profile;
mod suite;
mod table;
mod world;

pub use profile::{PROFILES, Profile, profile};
pub use suite::{Outcome, Verdict, at_once, run, run_with};
pub use table::table;
pub use world::World;
