//! Logs: JSON lines with ids only.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging to stdout at the given level (`AWS_LAMBDA_LOG_LEVEL`; info where it says
/// nothing known), one JSON object a line.
///
/// Targets that print what they are given stay quiet at every level: the runtime prints events at
/// TRACE, the HTTP and SDK crates print headers and bodies at DEBUG and TRACE.
pub fn init(level: Option<&str>) {
    let layer = tracing_subscriber::fmt::layer().json().flatten_event(true);
    // Without time: CloudWatch stamps every line. A second call (tests) keeps the first.
    let _ = tracing_subscriber::registry()
        .with(filter(level))
        .with(layer.without_time())
        .try_init();
}

/// Starts logging to stderr, as text for people: for programs on one machine.
pub fn init_to_stderr(level: Option<&str>) {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let _ = tracing_subscriber::registry()
        .with(filter(level))
        .with(layer.with_ansi(false))
        .try_init();
}

fn filter(level: Option<&str>) -> Targets {
    let level = level
        .and_then(|level| level.parse::<Level>().ok())
        .unwrap_or(Level::INFO);
    let quiet = level.min(Level::INFO);
    let ours = [
        "handoff",
        "establish",
        "chat",
        "close",
        "relay",
        "desk",
        "console",
        "clock",
    ];
    Targets::new()
        .with_default(quiet)
        // The embedded database calls every condition that does not hold a warning.
        .with_target("dynoxide", Level::ERROR)
        .with_targets(ours.map(|target| (target, level)))
}
