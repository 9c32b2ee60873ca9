//! A stand-in for GPTBots, for the sandbox and for tests.
//!
//! It plays the vendor's side of the human-service webhook contract: it sends the three webhooks
//! (`/conversation/establish`, `/chat`, `/conversation/close`), answers the two calls of the
//! bridge (`/v1/human/message/receive`, `/v1/human/close`) and the check of a key
//! (`/v1/api-key/verify`), and shows the user a chat page at `/`. What the contract leaves
//! unknown is an option here ([`Options`], [`Refusals`], [`Outage`]), so that a bridge can be
//! tried against each possibility.
//!
//! "(contract, section n)" in a comment names the section of the contract a rule comes from.
//!
//! It keeps everything in memory, message texts included, and logs ids only.

mod api;
mod bot;
mod calls;
mod connection;
mod conversation;
mod events;
mod faults;
mod model;
mod options;
mod page;
mod record;
mod stand_in;
mod state;
mod user;
mod webhooks;

pub use faults::{Detour, Fault, Mischief, Outage};
pub use model::{
    Author, ConversationId, Delivery, EndedBy, Line, LineId, Status, UserId, UserProfile, UserView,
};
pub use options::{Bot, Options, Refusals};
pub use record::{Call, CallKind, Outcome, Received, Sent, Webhook};
pub use stand_in::StandIn;
pub use user::{Busy, Said, TimedOut, UnknownBot};
