//! The store against a real DynamoDB API, and the GPTBots client against a server.
#![allow(clippy::unwrap_used)]

mod client;
mod clock;
mod conflicts;
mod console;
mod failed;
mod lanes;
mod log;
mod secrets;
mod support;
mod team;
mod webhooks;
