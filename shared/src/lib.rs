//! What the functions of Handoff for GPTBots share.
//!
//! - [`gptbots`]: GPTBots' contract: its webhooks' payloads, and the reply and close client.
//! - [`conversation`]: the domain: conversations, entries, lanes. No I/O.
//! - [`store`]: the DynamoDB table: transcript, outbox and state in one.
//! - [`desk`]: where agents answer.
//! - [`inbound`], [`files`]: what desks tell, and what agents send along.
//! - [`export`], [`erasure`]: what is kept of people, handed out and erased on request.
//! - [`statistics`]: figures for supervisors.
//! - [`bells`]: hints that a lane has something to carry.
//! - [`webhook`]: what the three webhook functions share.
//! - [`settings`], [`secrets`], [`token`], [`outbound`]: what the operator sets, and what is
//!   allowed.
//! - [`config`], [`aws`], [`telemetry`], [`metrics`], [`time`], [`random`], [`text`]: the ground they
//!   stand on.

pub mod aws;
pub mod bells;
pub mod config;
pub mod conversation;
pub mod desk;
pub mod erasure;
pub mod export;
pub mod files;
pub mod gptbots;
pub mod inbound;
pub mod metrics;
pub mod outbound;
pub mod random;
pub mod secrets;
pub mod settings;
pub mod statistics;
pub mod store;
pub mod telemetry;
pub mod text;
pub mod time;
pub mod tls;
pub mod token;
pub mod webhook;
