//! What happens in a history: drawn from its seed before it begins, so that it can be repeated and
//! shrunk.

use std::fmt;

use fastrand::Rng;
use handoff::time::Millis;

use crate::chance;

/// A history to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it was drawn from; latencies and other small choices still follow from it.
    pub seed: u64,
    /// What holds throughout.
    pub shape: Shape,
    /// What the people on both sides do.
    pub deeds: Vec<Deed>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

/// How rough histories are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Each history draws its own roughness.
    #[default]
    Mixed,
    /// No fault at all, but repeated, late and disordered calls.
    Calm,
    /// Many faults of all kinds.
    Rough,
    /// Little but kills and freezes.
    Kills,
}

/// What holds throughout a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many conversations.
    pub conversations: usize,
    /// The desk they go to.
    pub desk: DeskKind,
    /// The operator's setting.
    pub retry_age: Millis,
    /// How far the clock of a process can be off, either way.
    pub skew: Millis,
    /// How often GPTBots sends a webhook again that was not answered with 200.
    pub webhook_retries: u64,
    /// GPTBots makes a human conversation only once it has our answer to its establish.
    pub opens_on_answer: bool,
    /// GPTBots calls our close webhook after our own close, too.
    pub echoes_close: bool,
}

/// What kind of desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskKind {
    /// The built-in console: what is stored is delivered.
    Console,
    /// Cannot be asked what it has, and knows no idempotency key.
    Plain,
    /// Can be asked whether a conversation was opened.
    Asked,
    /// Shows an entry once, however often it is posted, and can be asked.
    Keyed,
}

/// Something that somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When, in milliseconds from the beginning.
    pub at: Millis,
    /// In which conversation.
    pub conversation: usize,
    /// What.
    pub what: What,
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The user asks for a human.
    Asks(Post),
    /// The user writes a line.
    Says(Post),
    /// The user leaves.
    Leaves(Post),
    /// An agent writes a line.
    Writes {
        /// Which agent.
        agent: u8,
        /// The page sends it a second time at once, as after a click too many.
        twice: bool,
    },
    /// An agent takes the conversation.
    Claims {
        /// Which agent.
        agent: u8,
    },
    /// An agent ends the conversation.
    Closes,
    /// An agent replays whatever has failed.
    Replays {
        /// Presses twice.
        twice: bool,
    },
}

/// How a webhook is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// How long it takes.
    pub late: Millis,
    /// It comes a second time, so much later.
    pub again: Option<Millis>,
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `count` calls of the table in a row, from the one of this number on.
    Table {
        /// The first call.
        from: u64,
        /// How many.
        count: u64,
        /// In which way.
        kind: TableFault,
    },
    /// The process that does the step of this number is killed there.
    Kill {
        /// The step.
        step: u64,
    },
    /// The process that makes this call to the other side stands still.
    Freeze {
        /// The call.
        call: u64,
        /// Before it is sent, or after its answer came.
        before: bool,
        /// For how long.
        ms: Millis,
    },
    /// One call to the other side.
    Call {
        /// The call.
        call: u64,
        /// In which way.
        kind: CallFault,
    },
    /// All calls to one party, for a while.
    Weather {
        /// From when on.
        from: Millis,
        /// Until when.
        to: Millis,
        /// Which party.
        whose: Party,
        /// In which way.
        kind: CallFault,
    },
    /// A bell of the stream.
    Bell {
        /// Which one.
        nth: u64,
        /// What becomes of it.
        fate: Fate,
    },
    /// A bell of the timer.
    Timer {
        /// Which one.
        nth: u64,
        /// What becomes of it.
        fate: Fate,
    },
    /// A tick of the clock.
    Tick {
        /// Which one.
        nth: u64,
        /// What becomes of it.
        fate: Fate,
    },
}

/// What becomes of a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never comes. (The timer refuses to take it; a queue loses nothing.)
    Lost,
    /// It comes a second time, so much later.
    Doubled(Millis),
    /// It comes so much later.
    Late(Millis),
}

/// What can be sick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// GPTBots, for the bot of this number.
    Bot(usize),
    /// GPTBots as a whole.
    GptBots,
    /// The desk.
    Desk,
}

/// How a call of the table fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFault {
    /// Refused for load.
    Throttled,
    /// An error of the server, before anything was done.
    ErrorBefore,
    /// An error of the server, after it was done.
    ErrorAfter,
    /// No answer, nothing done.
    HangBefore,
    /// No answer, done.
    HangAfter,
    /// The connection breaks, nothing done.
    ResetBefore,
    /// The connection breaks, done.
    ResetAfter,
    /// Done, and answered, so much later.
    Late(Millis),
    /// A write meets a transaction.
    Conflict,
}

/// How a call to GPTBots or to a desk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFault {
    /// No connection.
    Down,
    /// No answer.
    Hang {
        /// It has taken what was sent.
        taken: bool,
    },
    /// Takes what was sent, and answers, after so long.
    Slow(Millis),
    /// 429.
    Limited {
        /// `Retry-After`, in seconds.
        after: Option<u64>,
    },
    /// 200 with the code of a failure that passes.
    CodeInside,
    /// A failure that does not pass.
    Refused,
    /// The connection breaks in the middle.
    Broken {
        /// It has taken what was sent.
        taken: bool,
    },
    /// 502 with something that is no JSON.
    Rubbish {
        /// It has taken what was sent.
        taken: bool,
    },
    /// The API key is refused.
    KeyRefused,
    /// The conversation is gone without a word.
    Forgotten,
}

impl CallFault {
    /// Its name in a summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Down => "call: down",
            Self::Hang { taken: false } => "call: hangs",
            Self::Hang { taken: true } => "call: taken, hangs",
            Self::Slow(_) => "call: slow",
            Self::Limited { after: None } => "call: 429",
            Self::Limited { after: Some(_) } => "call: 429 with Retry-After",
            Self::CodeInside => "call: 200 with an error code",
            Self::Refused => "call: refused for good",
            Self::Broken { taken: false } => "call: connection broken",
            Self::Broken { taken: true } => "call: taken, connection broken",
            Self::Rubbish { taken: false } => "call: 502 and rubbish",
            Self::Rubbish { taken: true } => "call: taken, 502 and rubbish",
            Self::KeyRefused => "call: key refused",
            Self::Forgotten => "call: conversation gone",
        }
    }
}

impl TableFault {
    /// Its name in a summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throttled => "table: throttled",
            Self::ErrorBefore => "table: error",
            Self::ErrorAfter => "table: written, error",
            Self::HangBefore => "table: hangs",
            Self::HangAfter => "table: written, hangs",
            Self::ResetBefore => "table: reset",
            Self::ResetAfter => "table: written, reset",
            Self::Late(_) => "table: late",
            Self::Conflict => "table: transaction conflict",
        }
    }
}

impl Plan {
    /// Draws the history of a seed.
    #[must_use]
    pub fn drawn(seed: u64, profile: Profile) -> Self {
        let mut rng = chance::of(seed, "plan", 0);
        let shape = shape(&mut rng);
        let roughness = match profile {
            Profile::Mixed => [0, 1, 2, 3, 5, 8][rng.usize(..6)],
            Profile::Calm => 0,
            Profile::Rough => 8,
            Profile::Kills => 3,
        };
        let deeds = deeds(&mut rng, shape);
        let busy = deeds.iter().map(|deed| deed.at).max().unwrap_or(0);
        let count = if roughness == 0 {
            0
        } else {
            rng.usize(roughness..roughness * 3)
        };
        let faults = (0..count)
            .map(|_| match profile {
                Profile::Kills => stop(&mut rng),
                _ => fault(&mut rng, shape, busy, deeds.len() as u64),
            })
            .collect();
        Self {
            seed,
            shape,
            deeds,
            faults,
        }
    }
}

fn shape(rng: &mut Rng) -> Shape {
    Shape {
        conversations: if rng.u8(..3) == 0 { 2 } else { 1 },
        desk: match rng.u8(..8) {
            0..=2 => DeskKind::Console,
            3..=4 => DeskKind::Plain,
            5..=6 => DeskKind::Asked,
            _ => DeskKind::Keyed,
        },
        retry_age: match rng.u8(..10) {
            0..=3 => 120_000,
            4..=7 => 300_000,
            8 => 600_000,
            _ => 3_600_000,
        },
        skew: [0, 0, 50, 1_000, 3_000][rng.usize(..5)],
        webhook_retries: rng.u64(..4),
        opens_on_answer: rng.bool(),
        echoes_close: rng.bool(),
    }
}

/// Mostly conversations as they go, now and then anything in any order.
fn deeds(rng: &mut Rng, shape: Shape) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for conversation in 0..shape.conversations {
        let mut at = rng.i64(0..3_000);
        let mut push = |at: Millis, what: What| {
            deeds.push(Deed {
                at,
                conversation,
                what,
            });
        };
        // Now and then it never comes.
        if rng.u8(..40) > 0 {
            push(at, What::Asks(post(rng)));
        }
        // Some come thick and fast.
        let pace = [300, 2_000, 10_000, 30_000][rng.usize(..4)];
        for _ in 0..rng.usize(1..11) {
            at += rng.i64(0..pace);
            let agent = rng.u8(..2);
            match rng.u8(..100) {
                0..=36 => push(at, What::Says(post(rng))),
                37..=69 => push(
                    at,
                    What::Writes {
                        agent,
                        twice: rng.u8(..10) == 0,
                    },
                ),
                70..=74 => {
                    push(at, What::Claims { agent: 0 });
                    push(at + rng.i64(0..30), What::Claims { agent: 1 });
                }
                75..=77 => push(at, What::Replays { twice: rng.bool() }),
                78..=82 => push(at, What::Leaves(post(rng))),
                83..=86 => push(at, What::Closes),
                87..=89 => {
                    push(at, What::Leaves(post(rng)));
                    push(at + rng.i64(0..100), What::Closes);
                }
                90..=92 => {
                    push(
                        at,
                        What::Writes {
                            agent: 0,
                            twice: false,
                        },
                    );
                    push(
                        at + rng.i64(0..30),
                        What::Writes {
                            agent: 1,
                            twice: false,
                        },
                    );
                }
                _ => push(at, What::Asks(post(rng))),
            }
        }
        if rng.bool() {
            at += rng.i64(0..pace);
            let end = if rng.bool() {
                What::Leaves(post(rng))
            } else {
                What::Closes
            };
            push(at, end);
        }
        if rng.u8(..4) == 0 {
            push(at + rng.i64(60_000..600_000), What::Replays { twice: true });
        }
    }
    deeds.sort_by_key(|deed| deed.at);
    deeds
}

fn post(rng: &mut Rng) -> Post {
    Post {
        late: match rng.u8(..10) {
            0 => rng.i64(0..20_000),
            1..=3 => rng.i64(0..1_500),
            _ => rng.i64(5..80),
        },
        again: (rng.u8(..8) == 0).then(|| rng.i64(0..40_000)),
    }
}

fn stop(rng: &mut Rng) -> Fault {
    if rng.u8(..4) == 0 {
        Fault::Freeze {
            call: rng.u64(..30),
            before: rng.bool(),
            ms: rng.i64(500..45_000),
        }
    } else {
        Fault::Kill {
            step: rng.u64(..1_200),
        }
    }
}

fn fault(rng: &mut Rng, shape: Shape, busy: Millis, deeds: u64) -> Fault {
    match rng.u8(..100) {
        0..=19 => stop(rng),
        20..=39 => Fault::Table {
            from: rng.u64(..40 * deeds),
            count: [1, 1, 1, 2, 4, 12, 40][rng.usize(..7)],
            kind: table_fault(rng),
        },
        40..=57 => Fault::Call {
            call: rng.u64(..2 * deeds + 4),
            kind: call_fault(rng),
        },
        58..=69 => {
            let from = rng.i64(0..busy.max(1));
            let longest = [5_000, 60_000, 400_000][rng.usize(..3)].min(shape.retry_age * 2);
            Fault::Weather {
                from,
                to: from + rng.i64(1_000..longest),
                whose: match rng.u8(..6) {
                    0 => Party::Bot(0),
                    1 => Party::Bot(1),
                    2..=3 => Party::GptBots,
                    _ => Party::Desk,
                },
                kind: call_fault(rng),
            }
        }
        70..=84 => Fault::Bell {
            nth: rng.u64(..2 * deeds + 4),
            fate: fate(rng),
        },
        85..=94 => Fault::Timer {
            nth: rng.u64(..20),
            fate: fate(rng),
        },
        _ => Fault::Tick {
            nth: rng.u64(..8),
            fate: fate(rng),
        },
    }
}

fn fate(rng: &mut Rng) -> Fate {
    match rng.u8(..3) {
        0 => Fate::Lost,
        1 => Fate::Doubled(rng.i64(0..60_000)),
        _ => Fate::Late([2_000, 20_000, 240_000][rng.usize(..3)]),
    }
}

fn table_fault(rng: &mut Rng) -> TableFault {
    match rng.u8(..9) {
        0 => TableFault::Throttled,
        1 => TableFault::ErrorBefore,
        2 => TableFault::ErrorAfter,
        3 => TableFault::HangBefore,
        4 => TableFault::HangAfter,
        5 => TableFault::ResetBefore,
        6 => TableFault::ResetAfter,
        7 => TableFault::Late(rng.i64(100..5_000)),
        _ => TableFault::Conflict,
    }
}

fn call_fault(rng: &mut Rng) -> CallFault {
    match rng.u8(..16) {
        0..=1 => CallFault::Down,
        2 => CallFault::Hang { taken: false },
        3..=4 => CallFault::Hang { taken: true },
        5..=6 => CallFault::Slow(rng.i64(500..12_000)),
        7 => CallFault::Limited { after: None },
        8 => CallFault::Limited {
            after: Some([1, 5, 20, 120, 7_200][rng.usize(..5)]),
        },
        9 => CallFault::CodeInside,
        10 => CallFault::Refused,
        11 => CallFault::Broken { taken: false },
        12 => CallFault::Broken { taken: true },
        13 => CallFault::Rubbish { taken: rng.bool() },
        14 => CallFault::KeyRefused,
        _ => CallFault::Forgotten,
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {:?}", self.seed, self.shape)?;
        for deed in &self.deeds {
            writeln!(
                f,
                "  {:>7} ms  c{} {:?}",
                deed.at, deed.conversation, deed.what
            )?;
        }
        for fault in &self.faults {
            writeln!(f, "  fault       {fault:?}")?;
        }
        Ok(())
    }
}
