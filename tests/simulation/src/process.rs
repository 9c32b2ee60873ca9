//! Processes: what Lambda keeps a function in. Each has a clock, a memory and an end of its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use handoff::random::Random;
use handoff::settings::SettingsSource;
use handoff::store::Store;
use handoff::time::{Millis, SharedClock};
use relay::Relay;
use tokio::sync::Notify;

use crate::table::{TABLE, TableHttp};
use crate::world::{OffClock, World};

/// One process.
pub(crate) struct Process {
    pub(crate) id: u32,
    role: &'static str,
    pub(crate) off: Millis,
    killed: Notify,
    /// When the invocation that it is at began.
    rung: AtomicI64,
}

/// How an invocation ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Died {
    Killed,
    TimedOut,
}

impl Process {
    pub(crate) fn start(world: &Arc<World>, role: &'static str) -> Arc<Self> {
        let id = world.next_process();
        let skew = world.plan.shape.skew;
        let off = world.chance("clock", u64::from(id)).i64(-skew..=skew);
        let process = Arc::new(Self {
            id,
            role,
            off,
            killed: Notify::new(),
            rung: AtomicI64::new(0),
        });
        world.note(format_args!("{process} starts, its clock {off:+} ms"));
        process
    }

    pub(crate) fn kill(&self) {
        self.killed.notify_one();
    }

    pub(crate) fn rung(&self) -> Millis {
        self.rung.load(Ordering::Relaxed)
    }

    pub(crate) fn clock(&self, world: &Arc<World>) -> SharedClock {
        Arc::new(OffClock {
            world: world.clone(),
            off: self.off,
        })
    }

    pub(crate) fn random(&self, world: &World) -> Random {
        Random::seeded(world.chance("random", u64::from(self.id)).u64(..))
    }

    /// The table, as this process reaches it: the product's store over the real SDK.
    pub(crate) fn store(self: &Arc<Self>, world: &Arc<World>) -> Store {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .endpoint_url("http://table.test")
            // Nobody checks a signature here, and making one takes a tenth of the time.
            .allow_no_auth()
            .timeout_config(handoff::aws::timeouts())
            .retry_config(handoff::aws::retries())
            // Its budget of retries is its own: the SDK's is shared by all clients of the program.
            .retry_partition(RetryPartition::custom("simulation").build())
            // Answers come whole.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(TableHttp {
                world: world.clone(),
                process: self.clone(),
            })
            .build();
        Store::new(
            aws_sdk_dynamodb::Client::from_conf(config),
            TABLE,
            self.clock(world),
            self.random(world),
        )
    }

    /// Runs one invocation, until it ends, is killed, or takes longer than the function may.
    pub(crate) async fn run<T>(
        &self,
        world: &World,
        longest: Duration,
        invocation: impl Future<Output = T>,
    ) -> Result<T, Died> {
        self.rung.store(world.now(), Ordering::Relaxed);
        let died = tokio::select! {
            biased;
            () = self.killed.notified() => Died::Killed,
            () = tokio::time::sleep(longest) => Died::TimedOut,
            result = invocation => return Ok(result),
        };
        if died == Died::TimedOut {
            world.note(format_args!("!! {self} ran out of time"));
        }
        let now = world.now();
        world.state().ledger.killed.push((self.id, now));
        Err(died)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.role, self.id)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A process of the functions that answer requests.
pub(crate) struct Front {
    pub(crate) process: Arc<Process>,
    pub(crate) store: Store,
    pub(crate) settings: Arc<SettingsSource>,
}

impl Front {
    pub(crate) fn start(world: &Arc<World>) -> Self {
        let process = Process::start(world, "front");
        let store = process.store(world);
        let settings = Arc::new(SettingsSource::new(store.clone(), process.clock(world)));
        Self {
            process,
            store,
            settings,
        }
    }
}

/// A process of the relay.
pub(crate) struct RelayProcess {
    pub(crate) process: Arc<Process>,
    pub(crate) relay: Relay,
}

/// Processes that wait for the next event.
#[derive(Default)]
pub(crate) struct Pools {
    pub(crate) fronts: Vec<Front>,
    pub(crate) relays: Vec<RelayProcess>,
    /// How many relays are running.
    pub(crate) relays_at_work: usize,
}
