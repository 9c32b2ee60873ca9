//! What the user sees, told to the page as it changes (server-sent events).

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde_json::{Value, json};

use crate::{
    model::UserId,
    page::{self, Refused},
    stand_in::StandIn,
};

/// One page's stream. An event's id names the stand-in and its revision, so that a page that lost
/// the connection gets what it missed, and everything anew from a stand-in that was restarted.
struct Events {
    stand_in: StandIn,
    user: UserId,
    /// The revision the page has.
    after: u64,
    /// Whether the page is to forget what it has.
    reset: bool,
    /// What was told last, besides lines.
    head: Option<Value>,
}

pub(crate) async fn events(
    State(stand_in): State<StandIn>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let user = page::known(&stand_in, &user)?;
    let seen = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.split_once('-'))
        .filter(|(started, _)| *started == stand_in.started().to_string())
        .and_then(|(_, revision)| revision.parse().ok());
    let events = Events {
        stand_in,
        user,
        after: seen.unwrap_or(0),
        reset: seen.is_none(),
        head: None,
    };
    let stream = stream::unfold(events, |mut events| async move {
        let event = events.next().await?;
        Some((Ok::<_, Infallible>(event), events))
    });
    let sse = Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)));
    Ok(sse.into_response())
}

impl Events {
    /// The next change; `None` when the stand-in stops.
    async fn next(&mut self) -> Option<Event> {
        let stand_in = self.stand_in.clone();
        let (revision, head, lines) = stand_in.until(|| self.look()).await?;
        let data = json!({"reset": self.reset, "head": head, "lines": lines});
        self.after = revision;
        self.reset = false;
        self.head = Some(head);
        let event = Event::default()
            .id(format!("{}-{revision}", self.stand_in.started()))
            .retry(Duration::from_secs(1))
            .data(data.to_string());
        Some(event)
    }

    /// What the page has not been told yet.
    fn look(&self) -> Option<(u64, Value, Value)> {
        self.stand_in.read(|state| {
            let view = state.view(&self.user, self.after)?;
            let head = json!({
                "status": view.status,
                "asking": view.asking,
                "conversation": view.conversation,
            });
            let news = !view.lines.is_empty() || self.head.as_ref() != Some(&head);
            news.then(|| (state.revision, head, json!(view.lines)))
        })
    }
}
