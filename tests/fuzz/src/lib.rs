//! What every input from outside must come out as: the bodies of the fuzz targets.
//!
//! Each target is a function from bytes to nothing that panics where a promise is broken. The
//! fuzzer (`fuzz_targets/`, nightly) looks for inputs that make one panic; `tests/replay.rs` runs
//! the committed corpus through the same functions with the stable toolchain, so that what was
//! found once stays mended. See README.md.

mod agents;
mod bells;
mod domain;
mod from_desks;
mod items;
mod shape;
mod table;
mod webhooks;
mod written;

use std::cell::RefCell;

pub use agents::agents;
pub use bells::bells;
pub use domain::domain;
pub use from_desks::from_desks;
pub use items::items;
pub use webhooks::{Route, measure, webhooks};
pub use written::written;

/// A target: from bytes to a panic where a promise is broken.
pub type Target = fn(&[u8]);

/// All targets, by name; the corpus of each lies in `corpus/<name>`.
pub const TARGETS: [(&str, Target); 7] = [
    ("agents", agents),
    ("bells", bells),
    ("domain", domain),
    ("from_desks", from_desks),
    ("items", items),
    ("webhooks", webhooks),
    ("written", written),
];

/// Runs a future on a runtime that is made once a thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: RefCell<tokio::runtime::Runtime> = RefCell::new(
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime"),
        );
    }
    RUNTIME.with_borrow(|runtime| runtime.block_on(future))
}

/// Takes the first byte off as a choice among `of`.
fn choice(input: &mut &[u8], of: u8) -> u8 {
    match input.split_first() {
        Some((first, rest)) => {
            *input = rest;
            first % of
        }
        None => 0,
    }
}
