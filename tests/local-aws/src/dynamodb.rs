//! DynamoDB with its Streams, served by this process.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dynoxide::Database;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};

use crate::Error;

/// How often expired items are deleted. AWS promises "within a few days", so readers must look
/// at the expiry themselves; see
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// How long [`EmbeddedDynamoDb::shutdown`] waits for requests under way.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// A sequence number of the embedded streams is this plus the one in the database's row.
const SEQUENCE_NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// Each write looks for the stream's last number, and each read for the next ones; without this
/// index both scan every record of every stream.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS local_aws_stream_sequence
     ON _stream_records(table_name, CAST(sequence_number AS INTEGER))";

/// The newest record stays: the database counts the next number from it.
const TRIM: &str = "DELETE FROM _stream_records
     WHERE table_name = ?1
       AND CAST(sequence_number AS INTEGER) <= ?2
       AND CAST(sequence_number AS INTEGER) <
           (SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)";

/// An embedded DynamoDB under an address of its own on 127.0.0.1.
///
/// It speaks the real API over HTTP, so the code that uses it is the code that uses AWS. It has
/// no transaction conflicts and one shard to a stream. It stops when it is dropped.
pub struct EmbeddedDynamoDb {
    endpoint_url: String,
    database: Database,
    /// A second connection to the same file, for what the embedded database does not offer.
    maintenance: Arc<Mutex<Connection>>,
    /// Dropped with the value or by `shutdown`: what listens to it stops.
    stop: watch::Sender<()>,
    server: JoinHandle<Result<(), String>>,
    /// Deleted with the value where the caller named no file.
    _temporary: Option<TempDir>,
}

impl EmbeddedDynamoDb {
    /// Starts a database on the file `data`, which is made if it is missing and can be opened
    /// again after any end of the process, a kill included; without one, on a temporary file.
    ///
    /// # Errors
    /// The file cannot be opened (another process has it, or it is something else), or no
    /// socket can be bound.
    pub async fn start(data: Option<&Path>) -> Result<Self, Error> {
        Self::start_and(data, true).await
    }

    /// As [`EmbeddedDynamoDb::start`] on a temporary file, but nothing that has expired is deleted by
    /// itself: for tests whose clock is not that of the machine.
    ///
    /// # Errors
    /// As for [`EmbeddedDynamoDb::start`].
    pub async fn start_without_sweeps() -> Result<Self, Error> {
        Self::start_and(None, false).await
    }

    async fn start_and(data: Option<&Path>, sweeps: bool) -> Result<Self, Error> {
        let temporary = match data {
            Some(_) => None,
            None => Some(tempfile::tempdir()?),
        };
        let file = match (data, &temporary) {
            (Some(data), _) => data.to_owned(),
            (None, Some(folder)) => folder.path().join("dynamodb.sqlite"),
            (None, None) => unreachable!("a folder is made where no file is given"),
        };
        let (database, maintenance) = spawn_blocking(move || open(&file))
            .await
            .map_err(|error| Error::Database(error.to_string()))??;

        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint_url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = watch::channel(());
        let server = tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            database.clone(),
            closed(stopped.clone()),
        ));
        if sweeps {
            let sweeping = sweep_for_ever(database.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = sweeping => {}
                    () = closed(stopped) => {}
                }
            });
        }
        Ok(Self {
            endpoint_url,
            database,
            maintenance: Arc::new(Mutex::new(maintenance)),
            stop,
            server,
            _temporary: temporary,
        })
    }

    /// The address of the DynamoDB API and of the Streams API, such as `http://127.0.0.1:41573`:
    /// the value for `AWS_ENDPOINT_URL_DYNAMODB`.
    #[must_use]
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// A new client for this database.
    #[must_use]
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        crate::sdk::dynamodb(&self.endpoint_url)
    }

    /// A new client for this database's streams.
    #[must_use]
    pub fn streams_client(&self) -> aws_sdk_dynamodbstreams::Client {
        crate::sdk::dynamodb_streams(&self.endpoint_url)
    }

    /// Deletes what has expired, at once, and returns how many items that were. It also happens
    /// by itself every minute.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sweep_ttl(&self) -> Result<usize, Error> {
        sweep(self.database.clone()).await
    }

    /// Deletes `table`'s stream records up to and including the sequence number `up_to`, which
    /// every reader has to have consumed, and returns how many those were.
    ///
    /// AWS does that by age (24 hours). A reader that starts at `TRIM_HORIZON` sees what is left:
    /// the newest record always is.
    ///
    /// # Errors
    /// `up_to` is no sequence number of this database, or the database failed.
    pub async fn trim_consumed(&self, table: &str, up_to: &str) -> Result<usize, Error> {
        let stored = stored_sequence_number(up_to)?;
        let table = table.to_owned();
        self.on_file(move |connection| connection.execute(TRIM, (table, stored)))
            .await
    }

    /// How many records `table`'s stream holds.
    ///
    /// # Errors
    /// The database failed.
    pub async fn stream_len(&self, table: &str) -> Result<usize, Error> {
        let table = table.to_owned();
        self.on_file(move |connection| {
            connection.query_row(
                "SELECT COUNT(*) FROM _stream_records WHERE table_name = ?1",
                [table],
                |row| row.get(0),
            )
        })
        .await
    }

    /// Stops serving: no new connections, requests under way are finished (for at most 5
    /// seconds). Everything written is in the file.
    ///
    /// # Errors
    /// The server had failed before.
    pub async fn shutdown(self) -> Result<(), Error> {
        drop(self.stop);
        match tokio::time::timeout(SHUTDOWN_PATIENCE, self.server).await {
            Ok(Ok(outcome)) => outcome.map_err(Error::Database),
            Ok(Err(panicked)) => Err(Error::Database(panicked.to_string())),
            // A client has sent half a request; what is written is safe all the same.
            Err(_elapsed) => Ok(()),
        }
    }

    /// Runs `work` on the second connection, off the async threads.
    async fn on_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let maintenance = Arc::clone(&self.maintenance);
        spawn_blocking(move || {
            let connection = maintenance.lock().unwrap_or_else(PoisonError::into_inner);
            work(&connection).map_err(|error| Error::Database(error.to_string()))
        })
        .await
        .map_err(|error| Error::Database(error.to_string()))?
    }
}

impl std::fmt::Debug for EmbeddedDynamoDb {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EmbeddedDynamoDb")
            .field("endpoint_url", &self.endpoint_url)
            .finish_non_exhaustive()
    }
}

/// Opens the file twice: for the database, and for its upkeep.
fn open(file: &Path) -> Result<(Database, Connection), Error> {
    let path = file
        .to_str()
        .ok_or_else(|| Error::Invalid(format!("not a UTF-8 path: {}", file.display())))?;
    let database = Database::new(path).map_err(|error| Error::Database(error.to_string()))?;
    let maintenance = Connection::open(file)
        .and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(5))?;
            // Losing a trim to a power cut costs nothing, so it needs no sync of its own.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(STREAM_INDEX)?;
            Ok(connection)
        })
        .map_err(|error| Error::Database(error.to_string()))?;
    Ok((database, maintenance))
}

/// Resolves when the channel's sender is gone.
async fn closed(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

async fn sweep_for_ever(database: Database) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    interval.tick().await; // The first tick comes at once.
    loop {
        interval.tick().await;
        if let Err(error) = sweep(database.clone()).await {
            tracing::warn!(%error, "expired items were not deleted");
        }
    }
}

async fn sweep(database: Database) -> Result<usize, Error> {
    spawn_blocking(move || database.sweep_ttl())
        .await
        .map_err(|error| Error::Database(error.to_string()))?
        .map_err(|error| Error::Database(error.to_string()))
}

fn stored_sequence_number(public: &str) -> Result<i64, Error> {
    public
        .parse::<u128>()
        .ok()
        .and_then(|number| number.checked_sub(SEQUENCE_NUMBER_OFFSET))
        .and_then(|number| i64::try_from(number).ok())
        .ok_or_else(|| Error::Invalid(format!("not a sequence number: {public}")))
}
