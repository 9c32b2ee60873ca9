//! Bells: the stream's event source mapping, the queue of delayed bells, the clock's schedule, and
//! the relays that they ring.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use handoff::bells::{Bell, BellError, DelayedBells};
use handoff::desk::Desks;
use handoff::metrics::Metrics;
use handoff::secrets::{Secrets, SecretsSource};
use handoff::settings::SettingsSource;
use handoff::time::Millis;
use local_aws::mapping::FilterCriteria;
use relay::{Health, Relay, RelayEvent};
use serde_json::{Value, json};

use crate::desk::{DESK, FakeDesk};
use crate::gptbots::FakeGptBots;
use crate::plan::{DeskKind, Fate};
use crate::process::{Process, RelayProcess};
use crate::world::{World, pause};

/// How many relays run at once at most.
const RELAYS: usize = 4;
/// The relay's timeout in the template.
const LONGEST_RELAY: Duration = Duration::from_secs(60);
/// The visibility timeout of the queue in the template.
const INVISIBLE: Millis = 360_000;
/// How often a message of the queue is received in the template.
const RECEIVED: u32 = 5;
const MINUTE: Millis = 60_000;

/// Bells that are on their way, by when they ring.
pub(crate) type Rings = BTreeMap<(Millis, u64), Ring>;

/// A bell on its way.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    /// Set by the timer; else by the stream.
    delayed: bool,
    /// The record, as it stands in the function's event.
    record: Value,
    /// How often it rang before.
    tries: u32,
}

/// The stream's filter, as the template has it.
static FILTER: LazyLock<FilterCriteria> = LazyLock::new(|| {
    let template = include_str!("../../../template.yaml");
    let pattern = template
        .lines()
        .find_map(|line| line.trim().strip_prefix("- Pattern: '"))
        .and_then(|rest| rest.strip_suffix('\''))
        .expect("the template filters the stream");
    FilterCriteria::new([pattern]).expect("the template's pattern is one")
});

pub(crate) fn is_bell(record: &Value) -> bool {
    FILTER.matches(record)
}

fn set(world: &World, nth: u64, after: Millis, ring: Ring) {
    world.state().rings.insert((world.now() + after, nth), ring);
    world.rung.notify_one();
}

/// A number for a bell that is as good as any.
fn number(world: &World) -> u64 {
    world.next_ring()
}

/// A record of the stream rings, some time after it was written.
pub(crate) fn ring_by_stream(world: &World, record: Value) {
    let (nth, fate) = world.stream_bell();
    let mut rng = world.chance("bell", nth);
    let mut after = rng.i64(5..60);
    let ring = Ring {
        delayed: false,
        record,
        tries: 0,
    };
    match fate {
        Some(Fate::Lost) => {
            world.note(format_args!("!! bell {nth} is lost"));
            return;
        }
        Some(Fate::Late(ms)) => after += ms,
        Some(Fate::Doubled(ms)) => set(world, number(world), after + ms, ring.clone()),
        None => {}
    }
    set(world, number(world), after, ring);
}

/// The queue of delayed bells, as one process reaches it.
pub(crate) struct Timer {
    pub(crate) world: Arc<World>,
    pub(crate) process: Arc<Process>,
}

#[async_trait::async_trait]
impl DelayedBells for Timer {
    async fn ring_later(&self, bell: &Bell, delay: Duration) -> Result<bool, BellError> {
        let world = &self.world;
        let (nth, fate) = world.timer_bell();
        let mut rng = world.chance("timer", nth);
        world.step(&self.process).await;
        pause(rng.i64(1..10)).await;
        if fate == Some(Fate::Lost) {
            world.note(format_args!("!! the timer refuses a bell"));
            return Err(BellError("ServiceUnavailable".to_owned()));
        }
        // It counts whole seconds, and takes its time.
        let seconds = delay.as_millis().div_ceil(1000);
        let mut after = Millis::try_from(seconds).unwrap_or(900) * 1000 + rng.i64(5..400);
        let ring = Ring {
            delayed: true,
            record: json!({"messageId": format!("m{nth}"), "body": bell.to_message()}),
            tries: 0,
        };
        match fate {
            Some(Fate::Late(ms)) => after += ms,
            Some(Fate::Doubled(ms)) => set(world, number(world), after + ms, ring.clone()),
            _ => {}
        }
        set(world, number(world), after, ring);
        world.step(&self.process).await;
        Ok(true)
    }
}

/// Hands bells to relays when their time comes.
pub(crate) async fn keep_ringing(world: Arc<World>) {
    loop {
        let first = world.state().rings.first_key_value().map(|(key, _)| *key);
        let now = world.now();
        match first {
            None => world.rung.notified().await,
            Some((due, _)) if due > now => {
                tokio::select! {
                    biased;
                    () = pause(due - now) => {}
                    () = world.rung.notified() => {}
                }
            }
            Some((_, nth)) => {
                let batch = next_batch(&world, nth);
                let busy = world.busy();
                let world = world.clone();
                tokio::spawn(async move {
                    invoke(&world, batch).await;
                    drop(busy);
                });
            }
        }
    }
}

/// The bells of one source that are due, and now and then those that soon will be.
fn next_batch(world: &World, nth: u64) -> Vec<Ring> {
    let mut rng = world.chance("batch", nth);
    let most = rng.usize(1..=5);
    let until = world.now() + if rng.bool() { 0 } else { 40 };
    let mut state = world.state();
    let Some((_, first)) = state.rings.pop_first() else {
        return Vec::new();
    };
    let keys: Vec<_> = state
        .rings
        .iter()
        .take_while(|((due, _), _)| *due <= until)
        .filter(|(_, ring)| ring.delayed == first.delayed)
        .map(|(key, _)| *key)
        .take(most - 1)
        .collect();
    let mut batch = vec![first];
    batch.extend(keys.iter().filter_map(|key| state.rings.remove(key)));
    batch
}

async fn invoke(world: &Arc<World>, batch: Vec<Ring>) {
    if world.state().pools.relays_at_work >= RELAYS {
        for ring in batch {
            set(world, number(world), 50, ring);
        }
        return;
    }
    let idle = {
        let mut state = world.state();
        state.pools.relays_at_work += 1;
        state.pools.relays.pop()
    };
    let relay = idle.unwrap_or_else(|| start_relay(world));
    let records: Vec<&Value> = batch.iter().map(|ring| &ring.record).collect();
    world.note(format_args!(
        "  {} bell(s) of the {} ring {}",
        batch.len(),
        if batch[0].delayed { "timer" } else { "stream" },
        relay.process
    ));
    let failed = match serde_json::from_value::<RelayEvent>(json!({"Records": records})) {
        Ok(event) => {
            let handling = relay.relay.handle(event);
            relay.process.run(world, LONGEST_RELAY, handling).await
        }
        Err(error) => unreachable!("a bell is no event: {error}"),
    };
    let failed: Vec<Ring> = match failed {
        Ok(Ok(response)) => {
            world.state().pools.relays.push(relay);
            let named = |ring: &Ring| {
                let sequence = ring.record.pointer("/dynamodb/SequenceNumber");
                let name = sequence
                    .or_else(|| ring.record.get("messageId"))
                    .and_then(Value::as_str);
                response
                    .failures
                    .iter()
                    .any(|failure| Some(failure.item.as_str()) == name)
            };
            batch.into_iter().filter(named).collect()
        }
        Ok(Err(never)) => match never {},
        Err(_died) => batch,
    };
    world.state().pools.relays_at_work -= 1;
    for mut ring in failed {
        ring.tries += 1;
        let after = if ring.delayed { INVISIBLE } else { 1_000 };
        if ring.delayed && ring.tries >= RECEIVED {
            world.note(format_args!("!! a message was received too often"));
        } else {
            set(world, number(world), after, ring);
        }
    }
}

fn start_relay(world: &Arc<World>) -> RelayProcess {
    let process = Process::start(world, "relay");
    let store = process.store(world);
    let clock = process.clock(world);
    let keys = r#"{"bots":{"bot0":{"api_key":"k0"},"bot1":{"api_key":"k1"}}}"#;
    let secrets = Secrets::parse(keys).expect("the keys are valid");
    let desks = match world.plan.shape.desk {
        DeskKind::Console => Desks::new(),
        _ => Desks::new().with(
            DESK,
            Arc::new(FakeDesk {
                world: world.clone(),
                process: process.clone(),
            }),
        ),
    };
    let relay = Relay {
        settings: Arc::new(SettingsSource::new(store.clone(), clock.clone())),
        store,
        secrets: Arc::new(SecretsSource::given(secrets, clock.clone())),
        gptbots: Arc::new(FakeGptBots {
            world: world.clone(),
            process: process.clone(),
        }),
        desks: desks.into(),
        files: Arc::new(handoff::files::NoFiles),
        bells: Arc::new(Timer {
            world: world.clone(),
            process: process.clone(),
        }),
        health: Health::default(),
        clock,
        random: process.random(world),
        metrics: Metrics::off(),
    };
    RelayProcess { process, relay }
}

/// Lets the clock tick every minute.
pub(crate) async fn keep_ticking(world: Arc<World>) {
    let mut process = None;
    for nth in 0.. {
        pause(MINUTE).await;
        match world.tick(nth) {
            Some(Fate::Lost) => {
                world.note(format_args!("!! the clock does not tick"));
                continue;
            }
            Some(Fate::Doubled(_)) => tick(&world, &mut process).await,
            Some(Fate::Late(ms)) => pause(ms.min(MINUTE / 2)).await,
            None => {}
        }
        tick(&world, &mut process).await;
    }
}

async fn tick(world: &Arc<World>, kept: &mut Option<(Arc<Process>, clock::Clock)>) {
    let (process, clock) = kept.take().unwrap_or_else(|| {
        let process = Process::start(world, "clock");
        let clock = clock::Clock {
            store: process.store(world),
            bells: Arc::new(Timer {
                world: world.clone(),
                process: process.clone(),
            }),
            clock: process.clock(world),
            metrics: Metrics::off(),
        };
        (process, clock)
    });
    let ticked = process.run(world, LONGEST_RELAY, clock.tick()).await;
    match ticked {
        Ok(Ok(tick)) => {
            if tick.rung + tick.failed > 0 {
                world.note(format_args!("  {process} ticks: rang {}", tick.rung));
            }
            *kept = Some((process, clock));
        }
        Ok(Err(error)) => {
            world.note(format_args!("  {process} could not tick: {error}"));
            *kept = Some((process, clock));
        }
        Err(_died) => {}
    }
}
