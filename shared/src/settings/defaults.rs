//! What holds where the document says nothing: it works as it is, in four languages.

use super::waiting::{Message, Then, Waiting, WaitingText};
use super::{Settings, Text};

/// See [`Settings::retention_days`].
pub(super) const RETENTION_DAYS: u32 = 90;

pub(super) fn greeting() -> Text {
    Text::of(&[
        (
            "en",
            "Thanks for waiting! Our team has your message, and a person will answer you here.",
        ),
        (
            "zh-TW",
            "感謝您的等候！我們的團隊已收到您的訊息，稍後會有專人在這裡回覆您。",
        ),
        (
            "zh-CN",
            "感谢您的等候！我们的团队已收到您的消息，稍后会有专人在这里回复您。",
        ),
        (
            "ja",
            "お待ちいただきありがとうございます。メッセージを受け付けました。担当者がこちらでお答えします。",
        ),
    ])
}

pub(super) fn closed() -> Text {
    Text::of(&[
        (
            "en",
            "Nobody is here right now. We are back on {opens} ({zone}). Write your message here: we will read it then.",
        ),
        (
            "zh-TW",
            "目前沒有客服人員在線，我們將於 {opens}（{zone}）恢復服務。請在此留言，我們會在恢復服務後查看。",
        ),
        (
            "zh-CN",
            "目前没有客服人员在线，我们将于 {opens}（{zone}）恢复服务。请在此留言，我们会在恢复服务后查看。",
        ),
        (
            "ja",
            "ただいま営業時間外です。{opens}（{zone}）に再開します。ご用件をこちらにお書きください。再開後に確認いたします。",
        ),
    ])
}

fn still_waiting() -> Text {
    Text::of(&[
        (
            "en",
            "Thanks for your patience. You are number {position} in the queue; someone will be with you as soon as possible.",
        ),
        (
            "zh-TW",
            "感謝您的耐心等候。您目前排在第 {position} 位，我們會盡快為您服務。",
        ),
        (
            "zh-CN",
            "感谢您的耐心等候。您目前排在第 {position} 位，我们会尽快为您服务。",
        ),
        (
            "ja",
            "お待たせしております。現在の順番は {position} 番目です。できるだけ早くご対応いたします。",
        ),
    ])
}

fn nobody() -> Text {
    Text::of(&[
        (
            "en",
            "Sorry, nobody is free at the moment. Please try again later.",
        ),
        (
            "zh-TW",
            "很抱歉，目前沒有客服人員可以為您服務，請稍後再試。",
        ),
        (
            "zh-CN",
            "很抱歉，目前没有客服人员可以为您服务，请稍后再试。",
        ),
        (
            "ja",
            "申し訳ございません。ただいま対応できる担当者がおりません。後ほどもう一度お試しください。",
        ),
    ])
}

impl Default for Waiting {
    fn default() -> Self {
        let text = |after_seconds| WaitingText {
            after_seconds,
            text: still_waiting(),
        };
        Self {
            texts: vec![text(120), text(480)],
            then: Then::KeepWaiting,
            then_after_seconds: 1_200,
            farewell: nobody(),
            alarm_after_seconds: 180,
        }
    }
}

impl Default for Message {
    fn default() -> Self {
        Self {
            text: Text::of(&[
                (
                    "en",
                    "Sorry, nobody is free at the moment. Please leave a message here: we will read it as soon as we can.",
                ),
                (
                    "zh-TW",
                    "很抱歉，目前沒有客服人員可以為您服務。請在此留言，我們會盡快查看。",
                ),
                (
                    "zh-CN",
                    "很抱歉，目前没有客服人员可以为您服务。请在此留言，我们会尽快查看。",
                ),
                (
                    "ja",
                    "申し訳ございません。ただいま対応できる担当者がおりません。こちらにメッセージを残してください。できるだけ早く確認いたします。",
                ),
            ]),
            first_within_seconds: 600,
            quiet_seconds: 180,
            thanks: Text::of(&[
                ("en", "Thank you. We have your message."),
                ("zh-TW", "謝謝您，我們已收到您的留言。"),
                ("zh-CN", "谢谢您，我们已收到您的留言。"),
                ("ja", "ありがとうございます。メッセージを受け付けました。"),
            ]),
            farewell: Text::of(&[
                (
                    "en",
                    "This chat has ended. You can write to us again at any time.",
                ),
                ("zh-TW", "本次對話已結束，歡迎隨時再與我們聯絡。"),
                ("zh-CN", "本次对话已结束，欢迎随时再与我们联系。"),
                (
                    "ja",
                    "このチャットは終了しました。いつでもまたご連絡ください。",
                ),
            ]),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            greeting: greeting(),
            language: "en".to_owned(),
            desk: crate::desk::CONSOLE.to_owned(),
            desks: Vec::new(),
            desk_patience_seconds: 60,
            desk_hours: std::collections::BTreeMap::new(),
            hours: None,
            waiting: Waiting::default(),
            idle: super::waiting::Idle::default(),
            message: Message::default(),
            retry_age_seconds: 3_600,
            reply_max_chars: 8_000,
            retention_days: RETENTION_DAYS,
            agent_names: false,
            bots: std::collections::BTreeMap::new(),
        }
    }
}
