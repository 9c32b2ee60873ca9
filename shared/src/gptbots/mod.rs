//! GPTBots: what it sends us and what we send it.

mod answer;
mod body;
mod client;
mod payload;
mod webhook;

pub use answer::{CallError, Fault, read_answer};
pub use client::{Bot, Client, ClientError, FIRST_PATIENCE, LATER_PATIENCE, Outbound};
pub use payload::Payload;
pub use webhook::{
    Chat, Close, Establish, FieldError, MAX_LINE_BYTES, parse_chat, parse_close, parse_establish,
};
