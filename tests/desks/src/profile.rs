//! The desks, and what each cannot be held to.

/// A desk that is claimed to work.
#[derive(Debug)]
pub struct Profile {
    /// Its kind and, after a dash, one of its ways to call us: what the sandbox's `--desk` takes.
    pub kind: &'static str,
    /// What to call it.
    pub title: &'static str,
    /// Checks that make no sense for it, and why.
    pub exempt: &'static [(&'static str, &'static str)],
}

const NO_SERVER: &str = "the log is what agents see: nothing is sent, nothing is called";
const NO_WEBHOOKS: &str = "agents use its own page, signed in";
const CALLS_AGAIN: &str = "it calls again for some minutes; what is lost after that stays lost";

/// All desks that are claimed.
pub const PROFILES: &[Profile] = &[
    Profile {
        kind: "console",
        title: "Console",
        exempt: &[
            ("opens-once-unknown", NO_SERVER),
            ("unknown-once", NO_SERVER),
            ("rate-limited", NO_SERVER),
            ("server-error", NO_SERVER),
            ("hang", NO_SERVER),
            ("refused", NO_SERVER),
            ("acknowledged", NO_SERVER),
            ("credentials", NO_SERVER),
            ("secret", NO_SERVER),
            ("console-line", NO_SERVER),
            ("forged", NO_WEBHOOKS),
            ("unparsed", NO_WEBHOOKS),
            ("noise", NO_WEBHOOKS),
            ("lost-webhooks", NO_WEBHOOKS),
            ("agent-markup", "it has no markup"),
            ("private-notes", "it has no notes"),
            ("files", "it has no files"),
        ],
    },
    Profile {
        kind: "slack",
        title: "Slack",
        exempt: &[("lost-webhooks", CALLS_AGAIN)],
    },
    Profile {
        kind: "chatwoot",
        title: "Chatwoot",
        exempt: &[],
    },
    Profile {
        kind: "zendesk",
        title: "Zendesk",
        exempt: &[("lost-webhooks", CALLS_AGAIN)],
    },
    Profile {
        kind: "zendesk-triggers",
        title: "Zendesk, triggers",
        exempt: &[
            ("lost-webhooks", CALLS_AGAIN),
            (
                "noise",
                "its triggers tell of replies, ends and assignments alone",
            ),
        ],
    },
    Profile {
        kind: "intercom",
        title: "Intercom",
        exempt: &[],
    },
    Profile {
        kind: "webhooks",
        title: "Own system",
        exempt: &[(
            "lost-webhooks",
            "its sender keeps what was not taken, and sends it again",
        )],
    },
];

/// The profile of a kind of desk.
pub fn profile(kind: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.kind == kind)
}
