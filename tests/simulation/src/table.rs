//! DynamoDB: an embedded one, reached through the real SDK without a socket, so that virtual time
//! goes on while nobody waits for a network.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::encode_shard_iterator;
use dynoxide::{AttributeValue, Database, DynoxideError, Item};
use handoff::store::keys;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::bells;
use crate::ledger::{State, tokens};
use crate::plan::TableFault;
use crate::process::Process;
use crate::world::{World, pause};

/// The table's name.
pub(crate) const TABLE: &str = "conversations";
const SHARD: &str = "shardId-00000001-conversations";
/// After so many records of the stream a new database is cheaper than the next write.
const WORN_OUT: usize = 400;

/// An embedded database with the table.
#[derive(Clone)]
pub(crate) struct Table {
    db: Database,
    /// How far its stream has been read.
    position: Arc<AtomicI64>,
    /// How many records its stream has.
    records: Arc<AtomicUsize>,
}

impl Table {
    /// A new, empty table.
    ///
    /// # Errors
    /// When the embedded database fails.
    pub(crate) fn new() -> Result<Self, String> {
        let db = Database::memory().map_err(|error| error.to_string())?;
        let table = Self {
            db,
            position: Arc::default(),
            records: Arc::default(),
        };
        // The product's own definition of it, over the same way as all other calls.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| error.to_string())?;
        let client = bare_client(&table);
        runtime
            .block_on(handoff::store::schema::create_table(&client, TABLE))
            .map_err(|error| error.to_string())?;
        Ok(table)
    }

    /// Whether its stream has grown so long that writes have become slow.
    pub(crate) fn is_worn_out(&self) -> bool {
        self.records.load(Ordering::Relaxed) > WORN_OUT
    }

    /// Takes out the conversations of earlier histories about which a desk is still to be asked: they
    /// would ring in the next. Not through the SDK, whose random source is the history's.
    pub(crate) fn forget_the_last(&self) {
        for shard in 0..4 {
            let query = serde_json::json!({
                "TableName": TABLE,
                "IndexName": keys::DUE_INDEX,
                "KeyConditionExpression": "#due = :due",
                "ExpressionAttributeNames": {"#due": keys::DUE},
                "ExpressionAttributeValues": {":due": {"S": format!("reconcile#{shard}")}},
            });
            let (_, found) = self.answer("Query", query.to_string().as_bytes());
            let found: Value = serde_json::from_str(&found).unwrap_or_default();
            for item in found["Items"].as_array().into_iter().flatten() {
                let place = serde_json::json!({"pk": item[keys::PK], "sk": item[keys::SK]});
                let delete = serde_json::json!({"TableName": TABLE, "Key": place});
                self.answer("DeleteItem", delete.to_string().as_bytes());
            }
        }
        self.new_records();
    }

    /// Answers one call of DynamoDB's API: the HTTP status and the body.
    fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let answer = match operation {
            "PutItem" => call(body, |request| self.db.put_item(request)),
            "GetItem" => call(body, |request| self.db.get_item(request)),
            "UpdateItem" => call(body, |request| self.db.update_item(request)),
            "DeleteItem" => call(body, |request| self.db.delete_item(request)),
            "Query" => call(body, |request| self.db.query(request)),
            "BatchGetItem" => call(body, |request| self.db.batch_get_item(request)),
            "BatchWriteItem" => call(body, |request| self.db.batch_write_item(request)),
            "TransactWriteItems" => call(body, |request| self.db.transact_write_items(request)),
            "TransactGetItems" => call(body, |request| self.db.transact_get_items(request)),
            "CreateTable" => call(body, |request| self.db.create_table(request)),
            "UpdateTimeToLive" => call(body, |request| self.db.update_time_to_live(request)),
            other => Err(DynoxideError::ValidationException(format!(
                "the simulation does not know {other}"
            ))),
        };
        match answer {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }

    /// What its stream has that was not read yet.
    pub(crate) fn new_records(&self) -> Vec<Record> {
        let position = self.position.load(Ordering::Relaxed);
        let records = self
            .db
            .get_records(GetRecordsRequest {
                shard_iterator: encode_shard_iterator(TABLE, SHARD, position),
                limit: None,
            })
            .map(|response| response.records)
            .unwrap_or_default();
        if let Some(last) = records.last() {
            self.position.store(position_of(last), Ordering::Relaxed);
            self.records.fetch_add(records.len(), Ordering::Relaxed);
        }
        records
    }
}

fn position_of(record: &Record) -> i64 {
    let number = record
        .dynamodb
        .sequence_number
        .parse::<u128>()
        .unwrap_or_default();
    // Public numbers are the stored ones on a base of 10^20.
    i64::try_from(number % 100_000_000_000_000_000_000).unwrap_or(i64::MAX)
}

fn call<Q: serde::de::DeserializeOwned, A: serde::Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<String> {
    let request = serde_json::from_slice(body)
        .map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
    let answer = run(request)?;
    serde_json::to_string(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    match item.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text,
        _ => "",
    }
}

/// Puts down what a write did, and sets the bells that it rings.
fn follow_stream(world: &Arc<World>, process: &Process) {
    for record in &world.table.new_records() {
        let (Some(image), keys) = (&record.dynamodb.new_image, &record.dynamodb.keys) else {
            continue;
        };
        let Some(conversation) = world.conversation_of(text(keys, "pk")) else {
            continue;
        };
        let sk = text(keys, "sk");
        if sk == "META" {
            put_down_meta(world, conversation, image);
        } else if let Some(entry) = sk.strip_prefix("E#") {
            put_down_entry(world, process, conversation, entry, image);
        }
        if let Ok(json) = serde_json::to_value(record)
            && bells::is_bell(&json)
        {
            bells::ring_by_stream(world, json);
        }
    }
}

fn put_down_meta(world: &World, conversation: usize, image: &Item) {
    let now = world.now();
    let mut state = world.state();
    let meta = state.ledger.metas.entry(conversation).or_default();
    let closed = text(image, "status") == "closed";
    let known = !text(image, "bot").is_empty();
    if closed && !meta.closed {
        meta.ends.push(now);
    }
    if known && !closed && (meta.closed || !meta.known) {
        meta.openings.push(now);
    }
    meta.closed = closed;
    meta.known = known;
    let reference = text(image, "desk_ref");
    meta.desk_ref = (!reference.is_empty()).then(|| reference.to_owned());
}

fn put_down_entry(
    world: &World,
    process: &Process,
    conversation: usize,
    entry: &str,
    image: &Item,
) {
    let now = world.now();
    let delivery = text(image, "delivery").to_owned();
    let kind = text(image, "kind");
    let to = text(image, "to");
    world.note(format_args!(
        "    c{conversation} {kind} {entry} to {to}: {delivery} (attempt {})  by {process}",
        text(image, "attempts"),
    ));
    let mut state = world.state();
    if delivery == "sending" {
        state.ledger.claimed(process.id, conversation, entry);
    }
    let facts = state
        .ledger
        .entries
        .entry((conversation, entry.to_owned()))
        .or_default();
    if facts.states.is_empty() {
        facts.kind = kind.to_owned();
        facts.author = text(image, "author").to_owned();
        facts.to = to.to_owned();
        // A notice to the agents can quote a line.
        let quotes = (kind, to) == ("notice", "desk");
        facts.tokens = tokens(text(image, "text"));
        facts.tokens.retain(|_| !quotes);
    }
    facts.error = text(image, "error").to_owned();
    facts.late = matches!(image.get("late"), Some(AttributeValue::BOOL(true)));
    facts.states.push(State {
        at: now,
        process: process.id,
        delivery,
    });
}

/// The SDK's way to the table, for one process.
#[derive(Clone)]
pub(crate) struct TableHttp {
    pub(crate) world: Arc<World>,
    pub(crate) process: Arc<Process>,
}

impl std::fmt::Debug for TableHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableHttp").finish_non_exhaustive()
    }
}

impl HttpClient for TableHttp {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for TableHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let operation = operation(&request).to_owned();
            let body = request.body().bytes().unwrap_or_default();
            this.exchange(&operation, body).await
        })
    }
}

fn operation(request: &HttpRequest) -> &str {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

impl TableHttp {
    async fn exchange(&self, operation: &str, body: &[u8]) -> Result<HttpResponse, ConnectorError> {
        let Self { world, process } = self;
        let (call, fault) = world.table_call();
        world.step(process).await;
        let mut rng = world.chance("table", call);
        let (there, back) = (rng.i64(1..8), rng.i64(1..8));
        pause(there).await;
        if let Some(fault) = fault {
            world.note(format_args!(
                "!! {operation} of {process}: {}",
                fault.name()
            ));
            let now = world.now();
            world.state().ledger.trouble.push((process.id, now));
        }
        let answer = match fault {
            None => self.effect(operation, body),
            Some(fault) => self.fails(operation, body, fault).await?,
        };
        world.step(process).await;
        pause(back).await;
        Ok(response(answer))
    }

    /// What the database does, and what follows from it.
    fn effect(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let answer = self.world.table.answer(operation, body);
        if answer.0 == 200 && operation != "Query" && operation != "GetItem" {
            follow_stream(&self.world, &self.process);
        }
        answer
    }

    async fn fails(
        &self,
        operation: &str,
        body: &[u8],
        fault: TableFault,
    ) -> Result<(u16, String), ConnectorError> {
        match fault {
            TableFault::Throttled => Ok(refusal(
                400,
                "ProvisionedThroughputExceededException",
                "too many requests",
            )),
            TableFault::ErrorBefore => Ok(refusal(500, "InternalServerError", "sorry")),
            TableFault::ErrorAfter => {
                self.effect(operation, body);
                Ok(refusal(500, "InternalServerError", "sorry"))
            }
            TableFault::HangBefore => std::future::pending().await,
            TableFault::HangAfter => {
                self.effect(operation, body);
                std::future::pending().await
            }
            TableFault::ResetBefore => Err(ConnectorError::io("connection reset".into())),
            TableFault::ResetAfter => {
                self.effect(operation, body);
                Err(ConnectorError::io("connection reset".into()))
            }
            TableFault::Late(ms) => {
                // On its way: it arrives, whether somebody still waits for it or not.
                let (done, answer) = oneshot::channel();
                let (this, operation, body) = (self.clone(), operation.to_owned(), body.to_vec());
                let busy = self.world.busy();
                tokio::spawn(async move {
                    pause(ms).await;
                    let _ = done.send(this.effect(&operation, &body));
                    drop(busy);
                });
                answer
                    .await
                    .map_err(|_| ConnectorError::io("connection reset".into()))
            }
            TableFault::Conflict => Ok(self.conflict(operation, body)),
        }
    }

    fn conflict(&self, operation: &str, body: &[u8]) -> (u16, String) {
        match operation {
            "TransactWriteItems" => {
                let parts = serde_json::from_slice::<Value>(body)
                    .ok()
                    .and_then(|body| body.get("TransactItems")?.as_array().map(Vec::len))
                    .unwrap_or(1);
                let mut reasons = vec![serde_json::json!({"Code": "None"}); parts];
                reasons[0] = serde_json::json!({"Code": "TransactionConflict"});
                let body = serde_json::json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "message": "Transaction cancelled",
                    "CancellationReasons": reasons,
                });
                (400, body.to_string())
            }
            "PutItem" | "UpdateItem" | "DeleteItem" => {
                refusal(400, "TransactionConflictException", "in progress")
            }
            _ => self.effect(operation, body),
        }
    }
}

fn refusal(status: u16, code: &str, message: &str) -> (u16, String) {
    let body = serde_json::json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
        "message": message,
    });
    (status, body.to_string())
}

fn response((status, body): (u16, String)) -> HttpResponse {
    let status = StatusCode::try_from(status)
        .unwrap_or_else(|_| StatusCode::try_from(500).unwrap_or_else(|_| unreachable!()));
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}

/// A client without a world: for what is done before a history begins.
pub(crate) fn bare_client(table: &Table) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
            .region(aws_sdk_dynamodb::config::Region::from_static("us-east-1"))
            .endpoint_url("http://table.test")
            .allow_no_auth()
            .http_client(BareHttp(table.clone()))
            .build(),
    )
}

#[derive(Clone)]
struct BareHttp(Table);

impl std::fmt::Debug for BareHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BareHttp").finish_non_exhaustive()
    }
}

impl HttpClient for BareHttp {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for BareHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let answer = self.0.answer(operation(&request), body);
        HttpConnectorFuture::ready(Ok(response(answer)))
    }
}
