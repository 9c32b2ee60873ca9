//! Waiting, and what to say when it was in vain.

use std::time::{Duration, Instant};

/// What a check found wrong.
pub(crate) type Found<T> = Result<T, String>;

/// Says what is wrong unless it holds.
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use ensure;

/// Looks until there is something.
///
/// # Errors
/// When there never was: `what` did not happen.
pub(crate) async fn eventually<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Found<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("never: {what}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
