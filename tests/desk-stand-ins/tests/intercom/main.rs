//! The connector for Intercom against its stand-in, over HTTP both ways.
//! Helpers panic where a test could not go on.
#![allow(clippy::unwrap_used)]

mod out;
mod recorded;
mod support;
mod trouble;
mod webhooks;
