//! The clock over an embedded DynamoDB, in virtual time.
#![allow(clippy::unwrap_used)]

mod binary;
mod cost;
mod desks;
mod waiting;
mod world;
