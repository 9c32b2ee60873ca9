//! One run: open the conversations, send by the plan, wait until all has arrived, look back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::bridge::Bridge;
use crate::check::{Verdict, compare};
use crate::gptbots::GptBots;
use crate::options::Load;
use crate::plan::{Direction, Planned, number_of, plan, text};
use crate::report::{Report, Times};
use crate::spawned::{Spawned, Used};

/// How many conversations are opened, and looked at afterwards, at once.
const AT_ONCE: usize = 16;
/// Before a request that was not accepted is sent again.
const PAUSE: Duration = Duration::from_millis(200);
/// How often an agent looks at the list, counted in looks at their conversation.
const LOOKS_A_LIST: usize = 10;

/// What keeps a run from its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0} cannot be started ({1}); `cargo build --release -p sandbox` makes it")]
    Sandbox(PathBuf, std::io::Error),
    #[error("the sandbox did not say that it is ready")]
    NotReady,
    #[error("not everything arrived in time: {0}")]
    Late(String),
    #[error("a conversation could not be opened")]
    Establish,
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What became of a message.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    accepted: Option<Instant>,
    seen: Option<Instant>,
}

/// The messages of one lane that wait until those before them have been accepted.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<usize>,
    busy: bool,
}

struct Run {
    bridge: Bridge,
    gptbots: GptBots,
    plan: Vec<Planned>,
    ids: Vec<String>,
    begin: Instant,
    /// GPTBots' timestamps, later than those of establish.
    epoch: i64,
    fates: Mutex<Vec<Fate>>,
    lanes: Vec<[Mutex<Lane>; 2]>,
    repeated: AtomicUsize,
    looks: AtomicUsize,
    over: AtomicBool,
}

/// Runs the load once and reports.
pub(crate) async fn once(load: &Load) -> Result<Report, Error> {
    let gptbots = GptBots::start(load.gptbots_listen).await?;
    let spawned = match &load.bridge {
        Some(_) => None,
        None => Some(Spawned::start(load, &gptbots.url()).await?),
    };
    let given = || {
        (
            load.bridge.as_deref().unwrap_or_default(),
            load.console.as_deref().unwrap_or_default(),
        )
    };
    let (webhooks, console) = match &spawned {
        Some(spawned) => (spawned.webhooks.as_str(), spawned.console.as_str()),
        None => given(),
    };
    let bridge = Bridge::new(webhooks, console, load.bearer(), &load.bot)?;
    let epoch = now();
    let ids: Vec<String> = (0..load.conversations)
        .map(|n| format!("load-{epoch}-{n}"))
        .collect();
    open(&bridge, &gptbots, &ids, epoch, load.patience()).await?;
    if load.stuck > 0 {
        gptbots.hang(ids[..load.stuck.min(ids.len())].to_vec());
    }

    let plan = plan(
        load.conversations,
        load.messages,
        load.rate,
        load.warm_up,
        load.seed,
    );
    let run = Arc::new(Run {
        bridge,
        gptbots: gptbots.clone(),
        fates: Mutex::new(vec![Fate::default(); plan.len()]),
        lanes: (0..load.conversations)
            .map(|_| Default::default())
            .collect(),
        plan,
        ids,
        begin: Instant::now(),
        epoch: epoch + 1,
        repeated: AtomicUsize::default(),
        looks: AtomicUsize::default(),
        over: AtomicBool::new(false),
    });
    let agents = run.agents(load);
    let mut before = Measured::default();
    let mut sending = JoinSet::new();
    for (number, planned) in run.plan.iter().enumerate() {
        let measured_begins = !planned.warm_up
            && number
                .checked_sub(1)
                .is_none_or(|last| run.plan[last].warm_up);
        if measured_begins {
            before = Measured::take(&run.bridge, spawned.as_ref()).await;
        }
        tokio::time::sleep_until((run.begin + planned.due).into()).await;
        if run.queue(number) {
            let run = run.clone();
            sending.spawn(async move { run.drain(number).await });
        }
        while sending.try_join_next().is_some() {}
    }
    while sending.join_next().await.is_some() {}
    let all_accepted = Instant::now();
    gptbots.recover();
    run.arrived(load).await?;
    let after = Measured::take(&run.bridge, spawned.as_ref()).await;
    let report = run.report(load, &before, &after, all_accepted).await?;
    run.over.store(true, Ordering::SeqCst);
    drop(agents);
    if spawned.is_none() {
        run.leave().await;
    }
    Ok(report)
}

/// Opens all conversations and waits until their greetings have come.
async fn open(
    bridge: &Bridge,
    gptbots: &GptBots,
    ids: &[String],
    timestamp: i64,
    patience: Duration,
) -> Result<(), Error> {
    let opened = stream::iter(ids)
        .map(|id| async move {
            for _ in 0..10 {
                if bridge.establish(id, timestamp).await {
                    return true;
                }
                tokio::time::sleep(PAUSE).await;
            }
            false
        })
        .buffer_unordered(AT_ONCE)
        .all(|opened| async move { opened })
        .await;
    if !opened {
        return Err(Error::Establish);
    }
    let what = "the greetings";
    // Where the settings have no greeting, none comes: half a minute without any is the end.
    let deadline = Instant::now() + patience;
    let mut last = (gptbots.count(), Instant::now());
    while gptbots.count() < ids.len() {
        if gptbots.count() > last.0 {
            last = (gptbots.count(), Instant::now());
        }
        if last.1.elapsed() > Duration::from_secs(30) {
            break;
        }
        if Instant::now() > deadline {
            return Err(Error::Late(what.to_owned()));
        }
        tokio::time::sleep(PAUSE).await;
    }
    // And until their marks are written.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

impl Run {
    /// Puts a message that is due into its lane; whether somebody has to begin to drain it.
    fn queue(&self, number: usize) -> bool {
        let mut lane = self.lane(number);
        lane.waiting.push_back(number);
        !std::mem::replace(&mut lane.busy, true)
    }

    fn lane(&self, number: usize) -> MutexGuard<'_, Lane> {
        let planned = &self.plan[number];
        let lanes = &self.lanes[planned.conversation];
        lock(&lanes[usize::from(planned.direction == Direction::ToUser)])
    }

    /// Sends what waits in a message's lane, one after the other: what is said later may not be
    /// accepted earlier, or nobody could tell what the order is.
    async fn drain(&self, of: usize) {
        loop {
            let next = {
                let mut lane = self.lane(of);
                let next = lane.waiting.pop_front();
                lane.busy = next.is_some();
                next
            };
            let Some(number) = next else {
                return;
            };
            while !self.send(number).await {
                self.repeated.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
            }
            lock(&self.fates)[number].accepted = Some(Instant::now());
        }
    }

    async fn send(&self, number: usize) -> bool {
        let planned = &self.plan[number];
        let id = &self.ids[planned.conversation];
        match planned.direction {
            Direction::ToAgent => {
                let number_wide = i64::try_from(number).unwrap_or_default();
                let timestamp = self.epoch + number_wide;
                self.bridge.chat(id, timestamp, &text(number)).await
            }
            Direction::ToUser => {
                let name = number.to_string();
                self.bridge.say(id, &name, &text(number)).await
            }
        }
    }

    /// Agents who look at the list and each at one conversation, until the run is over.
    fn agents(self: &Arc<Self>, load: &Load) -> JoinSet<()> {
        let mut agents = JoinSet::new();
        let free = load.stuck.min(self.ids.len());
        for agent in 0..load.agents.min(self.ids.len() - free) {
            let (run, pause) = (self.clone(), load.look());
            agents.spawn(async move { run.look(free + agent, pause).await });
        }
        agents
    }

    async fn look(&self, conversation: usize, pause: Duration) {
        let id = &self.ids[conversation];
        let mut cursor: Option<String> = None;
        for look in 0.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            if look % LOOKS_A_LIST == 0 {
                self.bridge.list().await;
            }
            if let Some((entries, next)) = self.bridge.entries(id, cursor.as_deref()).await {
                cursor = Some(next);
                let now = Instant::now();
                let mut fates = lock(&self.fates);
                for entry in entries
                    .iter()
                    .filter(|entry| entry.delivered && entry.author == "user")
                {
                    if let Some(number) = number_of(&entry.text) {
                        fates[number].seen.get_or_insert(now);
                    }
                }
            }
            self.looks.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits until everything has come to the users, or nothing more comes.
    async fn arrived(&self, load: &Load) -> Result<(), Error> {
        let deadline = Instant::now() + load.patience();
        let to_user = |one: &&Planned| one.direction == Direction::ToUser;
        let expected = self.plan.iter().filter(to_user).count();
        loop {
            let taken = self.gptbots.taken();
            let count: usize = taken
                .values()
                .map(|taken| {
                    let mut numbers: Vec<_> = taken.iter().filter_map(|one| one.message).collect();
                    numbers.sort_unstable();
                    numbers.dedup();
                    numbers.len()
                })
                .sum();
            if count >= expected {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Error::Late(format!("{count} of {expected} agents' lines")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn report(
        &self,
        load: &Load,
        before: &Measured,
        after: &Measured,
        all_accepted: Instant,
    ) -> Result<Report, Error> {
        let deadline = Instant::now() + load.patience();
        let verdict_to_agent = loop {
            let verdict = self.check_consoles().await;
            // The last marks may still be on their way.
            if verdict.lost == 0 || Instant::now() > deadline {
                break verdict;
            }
            tokio::time::sleep(PAUSE).await;
        };
        let taken = self.gptbots.taken();
        let mut arrivals: HashMap<usize, Instant> = HashMap::new();
        let mut verdict_to_user = Verdict::default();
        for (n, id) in self.ids.iter().enumerate() {
            let taken = taken.get(id).map(Vec::as_slice).unwrap_or_default();
            let mut arrived = Vec::new();
            for one in taken {
                if let Some(number) = one.message {
                    arrived.push(number);
                    arrivals.entry(number).or_insert(one.at);
                }
            }
            verdict_to_user.add(compare(&self.sent_in(n, Direction::ToUser), &arrived));
        }
        let fates = lock(&self.fates).clone();
        let measured = |direction| {
            let numbered = self.plan.iter().enumerate();
            numbered.filter(move |(_, one)| {
                !one.warm_up && one.direction == direction && one.conversation >= load.stuck
            })
        };
        let since_due =
            |one: &Planned, at: Instant| at.saturating_duration_since(self.begin + one.due);
        let first = self.plan.iter().find(|one| !one.warm_up);
        let begun = self.begin + first.map_or(Duration::ZERO, |one| one.due);
        Ok(Report {
            conversations: load.conversations,
            messages: load.messages,
            rate: load.rate,
            accepted_rate: load.messages as f64
                / all_accepted.saturating_duration_since(begun).as_secs_f64(),
            repeated: self.repeated.load(Ordering::Relaxed),
            to_agent_stored: Times::of(
                measured(Direction::ToAgent)
                    .filter_map(|(n, one)| Some(since_due(one, fates[n].accepted?))),
            ),
            to_agent_seen: Times::of(
                measured(Direction::ToAgent)
                    .filter_map(|(n, one)| Some(since_due(one, fates[n].seen?))),
            ),
            to_user: Times::of(
                measured(Direction::ToUser)
                    .filter_map(|(n, one)| Some(since_due(one, *arrivals.get(&n)?))),
            ),
            verdict_to_agent,
            verdict_to_user,
            used: after.used.zip(before.used).map(|(after, before)| Used {
                cpu: after.cpu - before.cpu,
                memory: after.memory,
            }),
            driver_cpu: after
                .driver
                .zip(before.driver)
                .map(|(after, before)| after - before),
            table_calls: after.calls_since(before),
            looks: self.looks.load(Ordering::Relaxed),
            load_average: load_average(),
        })
    }

    /// What the consoles show of the users' lines.
    async fn check_consoles(&self) -> Verdict {
        let numbers = 0..self.ids.len();
        let verdicts = stream::iter(numbers).map(|n| async move {
            let shown = self.bridge.entries(&self.ids[n], None).await;
            let entries = shown.map(|(entries, _)| entries).unwrap_or_default();
            let arrived: Vec<usize> = entries
                .iter()
                .filter(|entry| entry.author == "user" && entry.delivered)
                .filter_map(|entry| number_of(&entry.text))
                .collect();
            compare(&self.sent_in(n, Direction::ToAgent), &arrived)
        });
        let all: Vec<Verdict> = verdicts.buffer_unordered(AT_ONCE).collect().await;
        all.into_iter().fold(Verdict::default(), |mut sum, one| {
            sum.add(one);
            sum
        })
    }

    fn sent_in(&self, conversation: usize, direction: Direction) -> Vec<usize> {
        let numbered = self.plan.iter().enumerate();
        numbered
            .filter(|(_, one)| one.conversation == conversation && one.direction == direction)
            .map(|(number, _)| number)
            .collect()
    }

    /// Ends the conversations of a bridge that lives on.
    async fn leave(&self) {
        let timestamp = self.epoch + i64::try_from(self.plan.len()).unwrap_or_default();
        stream::iter(&self.ids)
            .for_each_concurrent(AT_ONCE, |id| async move {
                self.bridge.close(id, timestamp).await;
            })
            .await;
    }
}

/// Readings at one moment.
#[derive(Default)]
struct Measured {
    used: Option<Used>,
    driver: Option<f64>,
    calls: BTreeMap<String, u64>,
}

impl Measured {
    async fn take(bridge: &Bridge, spawned: Option<&Spawned>) -> Self {
        let counters = match spawned {
            Some(_) => bridge.counters().await,
            None => None,
        };
        let calls = counters
            .as_ref()
            .and_then(|counters| counters["table_calls"].as_object());
        Self {
            used: spawned.and_then(Spawned::used),
            driver: Used::of(std::process::id()).map(|used| used.cpu),
            calls: calls
                .into_iter()
                .flatten()
                .filter_map(|(name, count)| Some((name.clone(), Value::as_u64(count)?)))
                .collect(),
        }
    }

    fn calls_since(&self, before: &Self) -> Vec<(String, u64)> {
        let since = |(name, count): (&String, &u64)| {
            let before = before.calls.get(name).copied().unwrap_or_default();
            (name.clone(), count - before)
        };
        self.calls
            .iter()
            .map(since)
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

fn load_average() -> String {
    let read = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    read.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Milliseconds since 1970.
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or_default()
        })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
