//! The connector for Chatwoot against its stand-in, over HTTP.
#![allow(clippy::unwrap_used)]

#[path = "chatwoot/support.rs"]
mod support;

#[path = "chatwoot/inbound.rs"]
mod inbound;
#[path = "chatwoot/open.rs"]
mod open;
#[path = "chatwoot/page.rs"]
mod page;
#[path = "chatwoot/post.rs"]
mod post;
#[path = "chatwoot/requests.rs"]
mod requests;
