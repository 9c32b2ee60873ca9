//! The connector for Intercom against its stand-in, over HTTP both ways.

mod out;
mod recorded;
mod support;
mod trouble;
mod webhooks;
