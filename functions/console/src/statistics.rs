//! `GET statistics?from=&to=&bot=`: the supervisors' figures.

use handoff::statistics::{Day, DayCounts, HANDLING_SECONDS, KEPT_DAYS, RESPONSE_SECONDS};
use handoff::time::Millis;
use lambda_http::{Request, RequestExt as _};
use serde_json::{Value, json};

use crate::Console;
use crate::api::{ApiError, invalid};

/// Milliseconds of a day.
const DAY: Millis = 86_400_000;
/// How many days are shown where none are named.
const DAYS: i64 = 30;

impl Console {
    /// Figures by day and bot, and who waits now.
    pub(crate) async fn statistics(&self, request: &Request) -> Result<Value, ApiError> {
        let query = request.query_string_parameters();
        let day = |name: &str| match query.first(name).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => Day::parse(text)
                .map(Some)
                .ok_or_else(|| invalid(format!("{name}: must be a day like 2026-03-01"))),
        };
        let now = self.clock.now();
        let to = day("to")?.unwrap_or_else(|| Day::of(now));
        let from = day("from")?.unwrap_or_else(|| Day::of(to.begin() - (DAYS - 1) * DAY));
        if from > to {
            return Err(invalid("from: must not be after to"));
        }
        if to.begin() - from.begin() > i64::from(KEPT_DAYS) * DAY {
            return Err(invalid(format!(
                "from: must be at most {KEPT_DAYS} days before to"
            )));
        }
        let bot = query.first("bot").filter(|bot| !bot.is_empty());
        let (counted, waiting) =
            tokio::try_join!(self.store.statistics(&from, &to), self.store.waiting())?;
        let days: Vec<DayCounts> = counted
            .into_iter()
            .filter(|of| bot.is_none_or(|bot| of.bot == bot))
            .collect();
        Ok(json!({
            "from": from, "to": to,
            "days": days,
            "response_seconds": RESPONSE_SECONDS,
            "handling_seconds": HANDLING_SECONDS,
            "now": {"waiting": waiting.conversations, "waiting_since": waiting.since},
        }))
    }
}
