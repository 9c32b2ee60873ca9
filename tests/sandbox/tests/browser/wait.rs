//! Waiting for what a page is to show.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long something may take until a test gives up: far longer than it takes, since the machine
/// can be busy with other things. How fast the bridge is is measured in [`crate::pace`].
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until what is seen is as it should be.
///
/// # Panics
/// When that takes too long; with what was seen last.
pub(crate) async fn until<T: Debug>(
    what: &str,
    mut look: impl AsyncFnMut() -> T,
    mut is_so: impl FnMut(&T) -> bool,
) -> T {
    let started = Instant::now();
    loop {
        let seen = look().await;
        if is_so(&seen) {
            return seen;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "waited in vain until {what}; seen last: {seen:#?}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}
