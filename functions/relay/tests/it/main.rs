//! The relay over an embedded DynamoDB, in virtual time and through its binary.
#![allow(clippy::unwrap_used)]

mod asked;
mod binary;
mod chain;
mod desk;
mod erased;
mod fake;
mod lanes;
mod metrics;
mod outages;
mod refusals;
