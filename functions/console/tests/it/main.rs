//! The binary, as Lambda runs it, over an embedded DynamoDB.
#![allow(clippy::unwrap_used)]

mod binary;
mod settings;
mod supervise;
mod support;
mod workplace;
