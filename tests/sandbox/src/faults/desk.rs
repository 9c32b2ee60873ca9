//! What the stand-ins for help desks do to the bridge.

use std::sync::Arc;
use std::time::Duration;

use desk_stand_ins::Failure;

use super::board::Board;
use super::{Fault, Target, What};
use crate::desks::StandIns;

/// How soon a switch shows at the stand-ins.
const LOOKS_AGAIN: Duration = Duration::from_millis(50);
/// What a desk asks for that is called too often, where the fault does not say.
const RETRY_AFTER: u64 = 1;

/// Has the stand-ins follow the board, until the task is dropped. While no fault of theirs is on,
/// what somebody else told them to do stays.
pub(crate) async fn follow(board: Arc<Board>, desks: Arc<StandIns>) {
    let mut last = (None, false);
    loop {
        let now = (
            board
                .on(Target::Desk, |fault| failure(fault).is_some())
                .as_ref()
                .and_then(failure),
            board
                .on(Target::Desk, |fault| fault.what == What::Lose)
                .is_some(),
        );
        if now != last {
            for stand_in in desks.all() {
                if now.0 != last.0 {
                    stand_in.fail(now.0);
                }
                if now.1 != last.1 {
                    stand_in.lose_webhooks(now.1);
                }
            }
            last = now;
        }
        tokio::time::sleep(LOOKS_AGAIN).await;
    }
}

fn failure(fault: &Fault) -> Option<Failure> {
    Some(match fault.what {
        What::Status(429) => {
            let seconds = fault.retry_after.unwrap_or(RETRY_AFTER);
            Failure::RateLimited(Duration::from_secs(seconds))
        }
        What::Status(401) => Failure::Unauthorized,
        What::Status(_) => Failure::ServerError,
        What::Hang => Failure::Hang,
        What::Drop => Failure::DropAfter,
        What::Refuse => Failure::RefusedInBody,
        _ => return None,
    })
}
