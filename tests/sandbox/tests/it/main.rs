//! The whole bridge, end to end: over HTTP, with bells that get lost, doubled and disordered.
#![allow(clippy::unwrap_used)]

mod answers;
mod binary;
mod faults;
mod http;
mod isolation;
mod kills;
mod outage;
mod sign_in;
mod story;
mod waiting;
