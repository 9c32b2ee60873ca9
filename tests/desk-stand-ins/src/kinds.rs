//! Which stand-ins there are.

use std::future::Future;
use std::pin::Pin;

use crate::{DeskStandIn, Options, chatwoot, intercom, own, slack, zendesk};

type Starting = Pin<Box<dyn Future<Output = Box<dyn DeskStandIn>> + Send>>;
type Start = fn(Options) -> Starting;

/// The stand-ins, by the kind of desk and, where it has several, its way to call us. A new one is
/// one line here.
pub const KINDS: &[(&str, Start)] = &[
    ("slack", |options| Box::pin(slack::start(options))),
    ("chatwoot", |options| Box::pin(chatwoot::start(options))),
    ("zendesk", |options| Box::pin(zendesk::start(options))),
    ("zendesk-triggers", |options| {
        Box::pin(zendesk::start_with_triggers(options))
    }),
    ("intercom", |options| Box::pin(intercom::start(options))),
    ("webhooks", |options| Box::pin(own::start(options))),
];

/// Starts the stand-in for a kind of desk; `None` where there is none.
pub async fn start(kind: &str, options: Options) -> Option<Box<dyn DeskStandIn>> {
    let (_, start) = KINDS.iter().find(|(name, _)| *name == kind)?;
    Some(start(options).await)
}
