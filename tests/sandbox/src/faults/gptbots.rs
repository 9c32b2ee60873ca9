//! What GPTBots does to the bridge.

use std::time::Duration;

use gptbots_stand_in::{CallKind, ConversationId, Detour, Mischief, Outage, Webhook};

use super::board::Board;
use super::{Calls, Fault, Target, What};

/// How much later a webhook is sent that lets others pass, and a second copy.
const LATER: Duration = Duration::from_millis(300);

impl Mischief for Board {
    fn call(
        &self,
        kind: CallKind,
        conversation: Option<&ConversationId>,
        bot: Option<&str>,
    ) -> Option<Outage> {
        let id = conversation.map(ConversationId::as_str).unwrap_or_default();
        let fault = self.hit(Target::GptBots, id, |fault| {
            fault.conversation.as_deref().is_none_or(|only| only == id)
                && fault.bot.as_deref().is_none_or(|only| Some(only) == bot)
                && match fault.calls {
                    None => kind != CallKind::Verify,
                    Some(Calls::Reply) => kind == CallKind::Reply,
                    Some(Calls::Close) => kind == CallKind::Close,
                }
        })?;
        let mut outage = Outage::new(of(&fault)?);
        outage.takes_effect = fault.after_effect;
        Some(outage)
    }

    fn webhook(&self, webhook: Webhook, conversation: &ConversationId) -> Detour {
        let id = conversation.as_str();
        let about = format!("{}{id}", webhook.path());
        let mut detour = Detour::default();
        let hits = self.hits(Target::Webhooks, &about, |fault| {
            fault.conversation.as_deref().is_none_or(|only| only == id)
        });
        for fault in hits {
            match fault.what {
                What::Late(late) => detour.late = late,
                What::Reorder => detour.overtaken = Some(LATER),
                What::Repeat => detour.repeated = Some(LATER),
                What::LoseAnswer => detour.answer_lost = true,
                _ => {}
            }
        }
        detour
    }
}

fn of(fault: &Fault) -> Option<gptbots_stand_in::Fault> {
    use gptbots_stand_in::Fault as Theirs;
    let retry_after = fault.retry_after.map(|seconds| seconds.to_string());
    Some(match fault.what {
        // Not a gateway's answer but GPTBots' own: it has a code (contract, section 4).
        What::Status(429) => Theirs::Code {
            status: 429,
            code: 40_001,
            retry_after,
        },
        What::Status(status) => Theirs::Status {
            status,
            retry_after,
        },
        What::Code(code) => Theirs::Code {
            status: 200,
            code,
            retry_after,
        },
        What::Hang => Theirs::Hang,
        What::Slow(late) => Theirs::Late(late),
        What::Drop => Theirs::Drop,
        What::CloseMidway => Theirs::CutShort,
        What::Rubbish => Theirs::Garbage,
        _ => return None,
    })
}
