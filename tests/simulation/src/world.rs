//! The world around the processes: time, faults, the trace, and what is under way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use handoff::time::{Clock, Millis};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::bells::Rings;
use crate::chance;
use crate::desk::DeskBook;
use crate::gptbots::{Human, Humans};
use crate::ledger::Ledger;
use crate::plan::{CallFault, Fate, Fault, Party, Plan, TableFault};
use crate::process::{Pools, Process};
use crate::table::Table;

/// When every history begins, in milliseconds since 1970.
pub(crate) const EPOCH: Millis = 1_742_265_090_895;

/// The world of one history.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) table: Table,
    began: Instant,
    state: Mutex<State>,
    /// Rung when a bell is set.
    pub(crate) rung: Notify,
}

/// What changes.
pub(crate) struct State {
    steps: u64,
    table_calls: u64,
    calls: u64,
    processes: u32,
    stream_bells: u64,
    timer_bells: u64,
    rings_set: u64,
    calm: Option<Millis>,
    /// Calls, bells and invocations that are under way.
    busy: usize,
    trace: Trace,
    /// Faults that came to pass, by name.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) ledger: Ledger,
    pub(crate) humans: Humans,
    pub(crate) desk: DeskBook,
    pub(crate) rings: Rings,
    pub(crate) pools: Pools,
}

impl State {
    /// Since when there are no more faults.
    pub(crate) fn calm_since(&self) -> Millis {
        self.calm.unwrap_or(0)
    }
}

struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(plan: Plan, table: Table, traced: bool) -> Arc<Self> {
        let conversations = plan.shape.conversations;
        // What was written before the history began.
        table.new_records();
        Arc::new(Self {
            plan,
            table,
            began: Instant::now(),
            rung: Notify::new(),
            state: Mutex::new(State {
                steps: 0,
                table_calls: 0,
                calls: 0,
                processes: 0,
                stream_bells: 0,
                timer_bells: 0,
                rings_set: 0,
                calm: None,
                busy: 0,
                trace: Trace {
                    hash: 0xcbf2_9ce4_8422_2325,
                    lines: traced.then(Vec::new),
                },
                faults: BTreeMap::new(),
                ledger: Ledger::default(),
                humans: vec![Human::default(); conversations],
                desk: DeskBook::default(),
                rings: Rings::default(),
                pools: Pools::default(),
            }),
        })
    }

    /// The number of a conversation of this history, by its partition of the table.
    pub(crate) fn conversation_of(&self, pk: &str) -> Option<usize> {
        let id = pk.strip_prefix("C#")?;
        (0..self.plan.shape.conversations).find(|number| self.id(*number) == id)
    }

    /// GPTBots' id of a conversation.
    pub(crate) fn id(&self, conversation: usize) -> String {
        format!("s{}-c{conversation}", self.plan.seed)
    }

    /// The number of a conversation, by GPTBots' id of it.
    pub(crate) fn number(&self, id: &str) -> usize {
        (0..self.plan.shape.conversations)
            .find(|number| self.id(*number) == id)
            .unwrap_or(usize::MAX)
    }

    /// The true time, in milliseconds since the beginning.
    pub(crate) fn now(&self) -> Millis {
        Millis::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A random source for the `nth` decision of a kind.
    pub(crate) fn chance(&self, kind: &str, nth: u64) -> Rng {
        chance::of(self.plan.seed, kind, nth)
    }

    /// Writes a line of the trace.
    pub(crate) fn note(&self, line: std::fmt::Arguments<'_>) {
        let now = self.now();
        let mut state = self.state();
        let mut text = String::with_capacity(80);
        let _ = write!(text, "{now:>8}  {line}");
        for byte in text.bytes() {
            state.trace.hash = (state.trace.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut state.trace.lines {
            lines.push(text);
        }
    }

    /// How often the table was called.
    pub(crate) fn table_calls(&self) -> u64 {
        self.state().table_calls
    }

    /// The trace so far: its hash, and its lines where they are kept.
    pub(crate) fn trace(&self) -> (u64, Vec<String>) {
        let mut state = self.state();
        (
            state.trace.hash,
            state.trace.lines.take().unwrap_or_default(),
        )
    }

    /// No more faults from now on.
    pub(crate) fn calm_down(&self) {
        let now = self.now();
        self.state().calm = Some(now);
        self.note(format_args!("== no more faults"));
    }

    fn is_calm(&self) -> bool {
        self.state().calm.is_some()
    }

    fn happened(&self, name: &'static str) {
        *self.state().faults.entry(name).or_default() += 1;
    }

    /// Counts something as under way until it is dropped.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.state().busy += 1;
        Busy(self.clone())
    }

    /// Whether nothing is under way and no entry waits.
    pub(crate) fn is_quiet(&self) -> bool {
        let state = self.state();
        state.busy == 0
            && state.rings.is_empty()
            && !state
                .ledger
                .entries
                .values()
                .any(crate::ledger::Facts::is_undelivered)
    }

    pub(crate) fn next_process(&self) -> u32 {
        let mut state = self.state();
        state.processes += 1;
        state.processes
    }

    /// Numbers the bells on their way, so that two of one moment keep their order.
    pub(crate) fn next_ring(&self) -> u64 {
        let mut state = self.state();
        state.rings_set += 1;
        state.rings_set
    }

    /// A point at which a process can die: right before or right after something it does.
    pub(crate) async fn step(&self, process: &Process) {
        let step = {
            let mut state = self.state();
            state.steps += 1;
            state.steps - 1
        };
        let killed = |fault: &Fault| matches!(fault, Fault::Kill { step: at } if *at == step);
        if !self.is_calm() && self.plan.faults.iter().any(killed) {
            self.happened("kill");
            self.note(format_args!("!! {process} killed"));
            process.kill();
            // Dropped here, by who runs it.
            std::future::pending::<()>().await;
        }
    }

    /// The number of a call of the table, and how it is to fail.
    pub(crate) fn table_call(&self) -> (u64, Option<TableFault>) {
        let call = {
            let mut state = self.state();
            state.table_calls += 1;
            state.table_calls - 1
        };
        if self.is_calm() {
            return (call, None);
        }
        let fault = self.plan.faults.iter().find_map(|fault| match fault {
            Fault::Table { from, count, kind } if (*from..from + count).contains(&call) => {
                Some(*kind)
            }
            _ => None,
        });
        if let Some(fault) = fault {
            self.happened(fault.name());
        }
        (call, fault)
    }

    /// The number of a call to one of these parties, and how it is to fail.
    pub(crate) fn call(&self, parties: &[Party]) -> (u64, Option<CallFault>) {
        let call = {
            let mut state = self.state();
            state.calls += 1;
            state.calls - 1
        };
        if self.is_calm() {
            return (call, None);
        }
        let now = self.now();
        let fault = self.plan.faults.iter().find_map(|fault| match fault {
            Fault::Call { call: at, kind } if *at == call => Some(*kind),
            Fault::Weather {
                from,
                to,
                whose,
                kind,
            } if (*from..*to).contains(&now) && parties.contains(whose) => Some(*kind),
            _ => None,
        });
        if let Some(fault) = fault {
            self.happened(fault.name());
        }
        (call, fault)
    }

    /// For how long a process stands still at a call.
    pub(crate) async fn freeze(&self, process: &Process, call: u64, moment: bool) {
        let frozen = self.plan.faults.iter().find_map(|fault| match fault {
            Fault::Freeze {
                call: at,
                before,
                ms,
            } if *at == call && *before == moment => Some(*ms),
            _ => None,
        });
        if let Some(ms) = frozen.filter(|_| !self.is_calm()) {
            self.happened("freeze");
            self.note(format_args!("!! {process} stands still for {ms} ms"));
            pause(ms).await;
        }
    }

    /// What becomes of the next bell of the stream.
    pub(crate) fn stream_bell(&self) -> (u64, Option<Fate>) {
        let nth = {
            let mut state = self.state();
            state.stream_bells += 1;
            state.stream_bells - 1
        };
        let fate = self.fate(|fault| match fault {
            Fault::Bell { nth: at, fate } if *at == nth => Some(*fate),
            _ => None,
        });
        (
            nth,
            self.counted(fate, ["bell: lost", "bell: doubled", "bell: late"]),
        )
    }

    /// What becomes of the next bell of the timer.
    pub(crate) fn timer_bell(&self) -> (u64, Option<Fate>) {
        let nth = {
            let mut state = self.state();
            state.timer_bells += 1;
            state.timer_bells - 1
        };
        let fate = self.fate(|fault| match fault {
            Fault::Timer { nth: at, fate } if *at == nth => Some(*fate),
            _ => None,
        });
        (
            nth,
            self.counted(fate, ["timer: refused", "timer: doubled", "timer: late"]),
        )
    }

    /// What becomes of the `nth` tick.
    pub(crate) fn tick(&self, nth: u64) -> Option<Fate> {
        let fate = self.fate(|fault| match fault {
            Fault::Tick { nth: at, fate } if *at == nth => Some(*fate),
            _ => None,
        });
        self.counted(fate, ["tick: skipped", "tick: doubled", "tick: late"])
    }

    fn fate(&self, of: impl Fn(&Fault) -> Option<Fate>) -> Option<Fate> {
        if self.is_calm() {
            return None;
        }
        self.plan.faults.iter().find_map(of)
    }

    fn counted(&self, fate: Option<Fate>, names: [&'static str; 3]) -> Option<Fate> {
        match fate {
            Some(Fate::Lost) => self.happened(names[0]),
            Some(Fate::Doubled(_)) => self.happened(names[1]),
            Some(Fate::Late(_)) => self.happened(names[2]),
            None => {}
        }
        fate
    }
}

/// Something under way.
pub(crate) struct Busy(Arc<World>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
    }
}

/// Waits, in virtual time.
pub(crate) async fn pause(ms: Millis) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await;
}

/// The clock of one process: off by a constant.
pub(crate) struct OffClock {
    pub(crate) world: Arc<World>,
    pub(crate) off: Millis,
}

impl Clock for OffClock {
    fn now(&self) -> Millis {
        EPOCH + self.world.now() + self.off
    }
}

impl std::fmt::Debug for OffClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OffClock")
            .field("off", &self.off)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
