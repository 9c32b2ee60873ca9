//! Histories in the small, and those that once broke a promise.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod histories;
mod regressions;
