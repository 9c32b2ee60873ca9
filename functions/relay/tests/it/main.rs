//! The relay over an embedded DynamoDB, in virtual time and through its binary.
#![allow(clippy::unwrap_used)]

mod binary;
mod fake;
mod lanes;
mod metrics;
mod refusals;
