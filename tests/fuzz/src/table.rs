//! A table behind the SDK, without a socket: enough of DynamoDB for what one input writes to be
//! read back, and strict about DynamoDB's limits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, HttpClient, Region, RuntimeComponents, SharedHttpClient,
    retry::RetryConfig,
};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use handoff::random::Random;
use handoff::store::Store;
use handoff::time::ManualClock;
use serde_json::{Value, json};

/// When everything happens.
pub(crate) const NOW: i64 = 1_742_265_090_895;
/// The most an item and what local indexes keep of it may take together, in bytes.
const MAX_ITEM: usize = 400 * 1024;

/// A table of one input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(Arc<Mutex<Kept>>);

/// The table that the client calls.
#[derive(Debug, Clone, Default)]
struct Current(Arc<Mutex<Table>>);

fn client(current: Current) -> handoff::store::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://table.invalid")
        .credentials_provider(Credentials::new("fuzz", "fuzz", None, None, "fuzz"))
        .retry_config(RetryConfig::disabled())
        .http_client(SharedHttpClient::new(current))
        .build();
    handoff::store::Client::from_conf(config)
}

#[derive(Debug, Default)]
struct Kept {
    items: BTreeMap<(String, String), Value>,
    /// What every read is answered with instead, where something else pretends to be the table.
    planted: Option<Vec<Value>>,
}

impl Table {
    /// The store over it. The client is made once a thread, since that takes longer than all else;
    /// it calls the table of which a store was asked for last.
    pub(crate) fn store(&self) -> Store {
        thread_local! {
            static CLIENT: (Current, handoff::store::Client) = {
                let current = Current::default();
                (current.clone(), client(current))
            };
        }
        let client = CLIENT.with(|(current, client)| {
            *current.0.lock().unwrap_or_else(PoisonError::into_inner) = self.clone();
            client.clone()
        });
        Store::new(
            client,
            "t",
            ManualClock::at(NOW).shared(),
            Random::seeded(1),
        )
    }

    /// Lets every read answer with these items, whatever is asked for.
    pub(crate) fn plant(&self, items: Vec<Value>) {
        self.kept(|kept| kept.planted = Some(items));
    }

    /// Puts an item in.
    pub(crate) fn insert(&self, item: Value) {
        self.kept(|kept| kept.items.insert(key(&item), item));
    }

    /// All items, by their keys.
    pub(crate) fn items(&self) -> BTreeMap<(String, String), Value> {
        self.kept(|kept| kept.items.clone())
    }

    fn kept<T>(&self, with: impl FnOnce(&mut Kept) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, operation: &str, call: &Value) -> Result<Value, Value> {
        self.kept(|kept| match operation {
            "PutItem" => kept
                .put(call)
                .map(|()| json!({}))
                .map_err(|item| json!({"__type": "ConditionalCheckFailedException", "Item": item})),
            "TransactWriteItems" => kept.transact(call),
            "UpdateItem" => {
                check_values(call);
                Ok(json!({}))
            }
            "GetItem" => Ok(match kept.get(&call["Key"]) {
                Some(item) => json!({"Item": item}),
                None => json!({}),
            }),
            "Query" => Ok(json!({"Items": kept.query(call), "Count": 0})),
            other => panic!("an operation the store never had: {other}"),
        })
    }
}

impl Kept {
    fn put(&mut self, call: &Value) -> Result<(), Value> {
        let item = &call["Item"];
        check_item(item);
        let key = key(item);
        match self.items.get(&key) {
            Some(known) if !call["ConditionExpression"].is_null() => Err(known.clone()),
            _ => {
                self.items.insert(key, item.clone());
                Ok(())
            }
        }
    }

    fn transact(&mut self, call: &Value) -> Result<Value, Value> {
        let parts = call["TransactItems"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let refused = |part: &Value| {
            // Checks alone ask for what is never there: markers of what was erased.
            let put = &part["Put"];
            let known = self.items.get(&key(&put["Item"]));
            known
                .filter(|_| !put["ConditionExpression"].is_null())
                .cloned()
        };
        let reasons: Vec<Value> = parts
            .iter()
            .map(|part| match refused(part) {
                Some(item) => json!({"Code": "ConditionalCheckFailed", "Item": item}),
                None => json!({"Code": "None"}),
            })
            .collect();
        if reasons.iter().any(|reason| reason["Code"] != "None") {
            return Err(
                json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons}),
            );
        }
        for part in parts {
            if part["Put"].is_object() {
                let _ = self.put(&part["Put"]);
            }
            check_values(&part["Update"]);
        }
        Ok(json!({}))
    }

    fn get(&self, of: &Value) -> Option<Value> {
        match &self.planted {
            Some(planted) => planted.first().cloned(),
            None => self.items.get(&key(of)).cloned(),
        }
    }

    fn query(&self, call: &Value) -> Vec<Value> {
        if let Some(planted) = &self.planted {
            return planted.clone();
        }
        let values = &call["ExpressionAttributeValues"];
        let of = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
        let pk = values[":pk"]["S"].as_str();
        let list = values[":list"]["S"].as_str();
        let condition = call["KeyConditionExpression"].as_str().unwrap_or_default();
        let mine = |item: &&Value| match call["IndexName"].as_str() {
            Some("lanes") => {
                let meta = values[":meta"]["S"].as_str().map(str::to_owned);
                let out = of(item, "out");
                out.is_some()
                    && if condition.contains("<=") {
                        out <= meta
                    } else {
                        out >= meta
                    }
            }
            Some("changes") => {
                of(item, "changed") > values[":after"]["S"].as_str().map(str::to_owned)
            }
            Some("listed") => of(item, "list").as_deref() == list,
            Some(_) => false,
            None => {
                let early = values[":early"]["S"].as_str().unwrap_or("E#");
                of(item, "sk").is_some_and(|sk| sk.starts_with(early))
            }
        };
        self.items
            .values()
            .filter(|item| pk.is_none() || item["pk"]["S"].as_str() == pk)
            .filter(mine)
            .cloned()
            .collect()
    }
}

fn key(item: &Value) -> (String, String) {
    let part = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    (part("pk"), part("sk"))
}

/// What DynamoDB refuses an item for: its size, its keys.
fn check_item(item: &Value) {
    let bytes = bytes_of(item);
    let copies = 1 + ["out", "changed"]
        .iter()
        .filter(|name| !item[**name].is_null())
        .count();
    assert!(
        bytes * copies <= MAX_ITEM,
        "an item of {bytes} bytes in {copies} copies"
    );
    for (name, most) in [
        ("pk", 2048),
        ("list", 2048),
        ("due", 2048),
        ("sk", 1024),
        ("out", 1024),
        ("changed", 1024),
        ("list_at", 1024),
        ("due_at", 1024),
    ] {
        if let Some(text) = item[name]["S"].as_str() {
            assert!(
                (1..=most).contains(&text.len()),
                "{name} of {} bytes",
                text.len()
            );
        }
    }
}

/// The values of an update end up in an item, too.
fn check_values(call: &Value) {
    let bytes = bytes_of(&call["ExpressionAttributeValues"]);
    assert!(bytes < MAX_ITEM / 3, "an update of {bytes} bytes");
}

/// What a map of attributes counts: names and values as UTF-8.
fn bytes_of(map: &Value) -> usize {
    let value = |value: &Value| match value.as_object().and_then(|typed| typed.values().next()) {
        Some(Value::String(text)) => text.len(),
        _ => 1,
    };
    map.as_object().map_or(0, |map| {
        map.iter()
            .map(|(name, typed)| name.len() + value(typed))
            .sum()
    })
}

impl HttpClient for Current {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Current {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let call = serde_json::from_slice(request.body().bytes().unwrap_or_default())
            .expect("the SDK sends JSON");
        let table = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (status, body) = match table.answer(operation, &call) {
            Ok(body) => (200, body),
            Err(body) => (400, body),
        };
        let status = StatusCode::try_from(status).expect("a status");
        let mut answer = HttpResponse::new(status, SdkBody::from(body.to_string()));
        answer
            .headers_mut()
            .insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(answer))
    }
}
