//! The store against a real DynamoDB API, and the GPTBots client against a server.
#![allow(clippy::unwrap_used)]

mod client;
mod clock;
mod conflicts;
mod console;
mod erasure;
mod failed;
mod lanes;
mod log;
mod meanwhile;
mod retention;
mod secrets;
mod statistics;
mod support;
mod team;
mod webhooks;
