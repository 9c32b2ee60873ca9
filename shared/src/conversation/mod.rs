//! The domain: conversations, their logs and lanes. No I/O.

mod entry;
mod history;
mod ids;
mod lane;
mod notice;
mod plan;
mod state;
mod user;

pub use entry::{Author, Delivery, Entry, Kind, Origin, Side};
pub use history::{History, Speaker, Turn, TurnFile};
pub(crate) use ids::fingerprint;
pub use ids::{ConversationId, EntryId, IdError};
pub use lane::{Step, in_delivery_order, in_reading_order, next_step, rank};
pub use notice::Notice;
pub use plan::{
    Farewell, MESSAGE_LEFT, POSITION, Plan, PlanAct, PlanStep, Progress, Silent, TakingMessage,
    Task,
};
pub use state::{Agent, ClosedBy, Conversation, Establish, Last, Status};
pub use user::{PLACEHOLDER_EMAIL, PersonBy, User};

#[cfg(test)]
pub(crate) use state::tests;
