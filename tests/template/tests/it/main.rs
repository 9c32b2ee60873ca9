//! What `template.yaml` promises. Each check is a function that lists what is wrong, so that a
//! second test can show it a broken template.
#![allow(clippy::unwrap_used)]

mod alarms;
mod api;
mod dashboard;
mod data;
mod functions;
mod roles;
mod secrets;
