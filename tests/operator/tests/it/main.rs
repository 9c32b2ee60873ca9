//! The program, as an operator runs it, against a sandbox and stand-ins.
#![allow(clippy::unwrap_used)]

mod account;
mod people;
mod replay;
mod run;
mod sandbox;
mod schema;
mod settings;
mod stand_in;
mod table;
mod webhooks;
