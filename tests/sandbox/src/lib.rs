//! The whole bridge on one machine.
//!
//! The functions' own handlers run behind an HTTP API that makes API Gateway events of requests;
//! the table is an embedded DynamoDB whose stream rings the relay as Lambda's event source mapping
//! does; delayed bells go through an SQS endpoint; the clock ticks; a stand-in for GPTBots plays
//! the user's side. So the code under test is what Lambda runs.

pub mod cli;
mod desks;
mod error;
pub mod faults;
mod functions;
mod gateway;
mod options;
mod secrets;
mod sign_in;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use desk_stand_ins::DeskStandIn;
use gptbots_stand_in::StandIn;
use handoff::bells::Bell;
use handoff::conversation::{Step, next_step};
use handoff::desk::{CONSOLE, DeskHttp, Desks};
use handoff::outbound::Targets;
use handoff::random::Random;
use handoff::settings::Settings;
use handoff::store::{Store, schema};
use handoff::time::{Clock as _, Millis, SystemClock};
use local_aws::dynamodb::EmbeddedDynamoDb;
use local_aws::mapping::{EventSourceMapping, FilterCriteria, Mapping};
use local_aws::objects::Objects;
use local_aws::queue::{DelayQueue, QueueEndpoint, QueueMapping, RunningQueueMapping};
use local_aws::schedule::Schedule;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use faults::{Board, Meter};

pub use error::Error;
pub use options::{DeskWrapper, Options, SignInOptions};
pub use sign_in::SignIn;

/// The table's name.
pub const TABLE: &str = "conversations";
/// Later than anything is due, in milliseconds.
const END_OF_TIME: i64 = 9_007_199_254_740_991;
/// The bells among the stream's records; the same pattern as in `template.yaml`.
const BELLS_FILTER: &str =
    r#"{"dynamodb":{"NewImage":{"delivery":{"S":["pending"]},"out":{"S":[{"exists":true}]}}}}"#;

/// A running bridge.
pub struct Sandbox {
    /// The table, to look at it directly.
    pub store: Store,
    /// The stand-in for GPTBots; `None` where replies go to another one.
    pub gptbots: Option<StandIn>,
    /// Where agents sign in; `None` where everybody is an agent.
    pub sign_in: Option<SignIn>,
    /// The clock's schedule; `tick` makes it tick at once.
    pub schedule: Schedule,
    /// The faults, to switch them and to see how often they happened.
    pub faults: Arc<Board>,
    desks: Arc<desks::StandIns>,
    desk_faults: JoinHandle<()>,
    meter: Meter,
    bridge_url: String,
    gptbots_url: String,
    token: String,
    stream: Mapping,
    bells: RunningQueueMapping,
    gateway: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    _queue: QueueEndpoint,
    _objects: Objects,
    database: Option<Arc<EmbeddedDynamoDb>>,
}

impl Sandbox {
    /// Starts everything; when this returns, all of it is up.
    ///
    /// # Errors
    /// When a port is taken, the data file or the DynamoDB cannot be used, or an option is wrong.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let bridge = listen(options.port, "--port").await?;
        let bridge_address = bridge.local_addr()?;
        let bridge_url = format!("http://{bridge_address}");

        let stand_in_listener = match &options.gptbots_url {
            Some(_) => None,
            None => Some(listen(options.gptbots_port, "--gptbots-port").await?),
        };
        let gptbots_url = match (&options.gptbots_url, &stand_in_listener) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(listener)) => format!("http://{}", listener.local_addr()?),
            (None, None) => String::new(),
        };
        let plan = desks::plan(&options)?;
        let desks = Arc::new(desks::StandIns::start(&plan, &options, &bridge_url).await?);
        let (secrets, bots) = secrets::read(&options, &gptbots_url, &desks)?;

        let (endpoint_url, database) = match &options.dynamodb_url {
            Some(url) => (url.clone(), None),
            None => {
                let database = EmbeddedDynamoDb::start(options.data.as_deref()).await?;
                (database.endpoint_url().to_owned(), Some(Arc::new(database)))
            }
        };
        let plain = local_aws::sdk::dynamodb(&endpoint_url);
        schema::create_table(&plain, TABLE).await?;

        let seed = options.seed.unwrap_or_else(options::any_seed);
        // Before the faults' time begins: it reads the machine's certificates.
        let desk_http = DeskHttp::new(Targets::Local, SystemClock::shared())?;
        let board = Arc::new(Board::new(seed, options.faults.clone()));
        let meter = Meter::default();
        let queue = DelayQueue::with("bells", options.bell_visibility, Some(5), board.clone());
        let queue_endpoint = QueueEndpoint::start(&queue).await?;
        let objects = Objects::start().await?;
        let sign_in = match &options.sign_in {
            Some(how) => {
                let listener = listen(how.port, "--sign-in-port").await?;
                Some(SignIn::start(listener, how, bridge_address.port()).await?)
            }
            None => None,
        };
        let ground = functions::Ground {
            sign_in: sign_in.as_ref().map(SignIn::config).transpose()?,
            table: functions::table(&endpoint_url, &board, &meter),
            stray_after: millis(options.stray_after),
            settings_fresh_for: millis(options.settings_interval),
            bells: functions::bells(&queue_endpoint, &queue),
            files: functions::files(&objects)?,
            random: match options.seed {
                Some(seed) => Random::seeded(seed),
                None => Random::from_entropy(),
            },
            secrets,
            desk_wrapper: options.desk_wrapper.clone(),
            desk_http,
            token: options.token.clone(),
            board: board.clone(),
        };
        // To look at it, and to prepare it: no fault hits here.
        let store = Store::new(plain, TABLE, SystemClock::shared(), ground.random.clone())
            .with_stray_after(ground.stray_after);
        let known = Desks::of(&ground.secrets, &ground.desk_http);
        let first = plan
            .first()
            .map_or(CONSOLE, |planned| planned.name.as_str());
        set_desk(&store, &known, first).await?;
        let functions = functions::Functions::new(&ground)?;

        let mapping = match &database {
            Some(database) => {
                EventSourceMapping::embedded(database, TABLE, functions.relay.clone())
            }
            None => EventSourceMapping::new(&endpoint_url, TABLE, functions.relay.clone()),
        };
        let stream = mapping
            .batch_size(100)
            .parallelization_factor(10)
            .bisect_batch_on_function_error(true)
            .report_batch_item_failures(true)
            .filter(FilterCriteria::new([BELLS_FILTER])?)
            .chaos(board.clone())
            .start()
            .await?;
        ring_what_is_undelivered(&store, &queue).await?;
        let bells = QueueMapping::new(&queue, functions.relay.clone())
            .batch_size(10)
            .max_concurrency(50)
            .report_batch_item_failures(true)
            .start();
        let schedule = Schedule::start("clock", options.clock_interval, functions.clock.clone());

        let gptbots = match stand_in_listener {
            None => None,
            Some(listener) => {
                let base = format!("{bridge_url}/{}", options.token);
                let mut stand_in = gptbots_stand_in::Options::new(base, bots);
                stand_in.waiting_timeout = options.waiting_timeout;
                stand_in.webhook_retries = options.webhook_retries;
                // Its ids may not come again where the table of an earlier run still has them.
                let kept = options.data.is_some() || options.dynamodb_url.is_some();
                stand_in.seed = options.seed.filter(|_| !kept);
                let stand_in = StandIn::start(listener, stand_in).await?;
                stand_in.set_mischief(Some(board.clone()));
                Some(stand_in)
            }
        };
        let start_page = gateway::StartPage {
            webhook_base_url: format!("{bridge_url}/{}", options.token),
            gptbots_url: gptbots_url.clone(),
            has_user_page: gptbots.is_some(),
            has_sign_in: sign_in.is_some(),
            desks: desks.pages(),
        };
        let counters = Counters {
            meter: meter.clone(),
            stream: stream.counts(),
            queue: queue.clone(),
        };
        let gateway = gateway::new(
            &functions,
            bridge_address,
            gateway::Around {
                start_page,
                sign_in: sign_in.as_ref().map(SignIn::authorizer),
                board: board.clone(),
                counters,
            },
        )?;
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            if let Err(error) = gateway.serve(bridge, stopped).await {
                tracing::error!(%error, "the bridge's server ended");
            }
        });
        Ok(Self {
            store,
            gptbots,
            sign_in,
            schedule,
            desk_faults: tokio::spawn(faults::follow(board.clone(), desks.clone())),
            faults: board,
            desks,
            meter,
            bridge_url,
            gptbots_url,
            token: options.token,
            stream,
            bells,
            gateway: Some((stop, server)),
            _queue: queue_endpoint,
            _objects: objects,
            database,
        })
    }

    /// What GPTBots would be given as its webhook address.
    pub fn webhook_base_url(&self) -> String {
        format!("{}/{}", self.bridge_url, self.token)
    }

    /// The agents' page.
    pub fn console_url(&self) -> String {
        format!("{}/console", self.bridge_url)
    }

    /// The page with both sides.
    pub fn start_url(&self) -> String {
        format!("{}/", self.bridge_url)
    }

    /// Where replies go; with the stand-in, also the user's page.
    pub fn gptbots_url(&self) -> &str {
        &self.gptbots_url
    }

    /// The stand-in for a desk instance; `None` where there is none of that name.
    pub fn desk(&self, name: &str) -> Option<&dyn DeskStandIn> {
        self.desks.get(name)
    }

    /// The line that says that all is up.
    pub fn ready_line(&self) -> String {
        format!(
            "READY bridge={} console={} gptbots={}",
            self.webhook_base_url(),
            self.console_url(),
            self.gptbots_url
        )
    }

    /// What the stream's mapping has done so far.
    pub fn stream_stats(&self) -> local_aws::mapping::Stats {
        self.stream.stats()
    }

    /// How many calls of each operation the functions have made of the table, tries included.
    pub fn table_calls(&self) -> BTreeMap<String, u64> {
        self.meter.counts()
    }

    /// Stops: requests and deliveries under way are finished, what is undelivered stays stored.
    pub async fn shutdown(mut self) {
        if let Some(gptbots) = self.gptbots.take() {
            gptbots.shutdown().await;
        }
        if let Some((stop, server)) = self.gateway.take() {
            let _ = stop.send(());
            // A browser may keep its connection open for ever.
            let _ = tokio::time::timeout(Duration::from_secs(2), server).await;
        }
        self.desk_faults.abort();
        let _ = self.desk_faults.await;
        if let Some(desks) = Arc::into_inner(self.desks) {
            desks.shutdown().await;
        }
        self.schedule.shutdown().await;
        self.stream.shutdown().await;
        self.bells.shutdown().await;
        if let Some(Ok(database)) = self.database.take().map(Arc::try_unwrap)
            && let Err(error) = database.shutdown().await
        {
            tracing::warn!(%error, "the database did not stop cleanly");
        }
    }
}

/// What has been counted so far, for those who measure.
#[derive(Clone)]
pub(crate) struct Counters {
    meter: Meter,
    stream: local_aws::mapping::Counts,
    queue: DelayQueue,
}

impl Counters {
    /// As JSON.
    pub(crate) fn read(&self) -> serde_json::Value {
        let stream = self.stream.stats();
        serde_json::json!({
            "table_calls": self.meter.counts(),
            "stream": {"read": stream.read, "filtered": stream.filtered, "invocations": stream.invocations},
            "bells_set": self.queue.sent(),
        })
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

async fn listen(port: u16, flag: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|cause| Error::Port { port, flag, cause })
}

/// Sets a bell for every lane that has something to carry, for the time at which its head is due:
/// SQS keeps its messages, but the queue of this process ended with the last one.
async fn ring_what_is_undelivered(store: &Store, queue: &DelayQueue) -> Result<(), Error> {
    for stray in store.strays(END_OF_TIME).await? {
        let lane = store.lane(&stray.conversation, stray.side).await?;
        let now = SystemClock.now();
        let bell = Bell::new(stray.conversation, stray.side);
        let (bell, wait) = match lane.entries.first().map(|head| next_step(head, now)) {
            Some(Step::Leased(at) | Step::NotDue(at)) => (bell.for_time(at), at - now),
            Some(Step::Send) | None => (bell, 0),
        };
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        queue.send(bell.to_message(), wait)?;
    }
    Ok(())
}

/// Puts the desk into the settings, where they say something else.
async fn set_desk(store: &Store, desks: &Desks, desk: &str) -> Result<(), Error> {
    desks.get(desk)?;
    let stored = store.settings().await?;
    let (mut settings, version) = match &stored {
        None => (Settings::default(), 0),
        Some(stored) => (Settings::parse(&stored.document)?, stored.version),
    };
    if settings.desk != desk {
        settings.desk = desk.to_owned();
        let document = serde_json::to_string(&settings).unwrap_or_default();
        store.put_settings(&document, version).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_stream_is_filtered_as_the_template_says() {
        let template = include_str!("../../../template.yaml");
        assert!(template.contains(super::BELLS_FILTER));
    }
}
