//! A function that notes what it is given.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use local_aws::{Function, function::BoxFuture};
use serde_json::{Value, json};

type Answer = dyn Fn(&[Value], usize) -> Result<Value, String> + Send + Sync;

/// Notes each record, how many invocations overlap, and whether one item was ever in two of them.
pub(crate) struct Recorder {
    answer: Box<Answer>,
    pause: Duration,
    pub(crate) batches: Mutex<Vec<Vec<Value>>>,
    busy: Mutex<HashMap<String, usize>>,
    running: AtomicUsize,
    pub(crate) most_running: AtomicUsize,
    pub(crate) clashes: AtomicUsize,
}

impl Recorder {
    /// A function that takes `pause` and gives `answer` to the records and the number of the
    /// invocation, counted from zero.
    pub(crate) fn new(
        pause: Duration,
        answer: impl Fn(&[Value], usize) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            pause,
            batches: Mutex::default(),
            busy: Mutex::default(),
            running: AtomicUsize::default(),
            most_running: AtomicUsize::default(),
            clashes: AtomicUsize::default(),
        })
    }

    /// One that always succeeds.
    pub(crate) fn calm() -> Arc<Self> {
        Self::new(Duration::ZERO, |_, _| Ok(json!({"batchItemFailures": []})))
    }

    /// The numbers handed over, per item, in order.
    pub(crate) fn by_item(&self) -> BTreeMap<String, Vec<usize>> {
        let mut items = BTreeMap::<_, Vec<usize>>::new();
        for record in self.batches.lock().unwrap().iter().flatten() {
            items.entry(item(record)).or_default().push(number(record));
        }
        items
    }

    /// The numbers handed over in each invocation.
    pub(crate) fn numbers(&self) -> Vec<Vec<usize>> {
        let batches = self.batches.lock().unwrap();
        batches
            .iter()
            .map(|batch| batch.iter().map(number).collect())
            .collect()
    }
}

fn item(record: &Value) -> String {
    record["dynamodb"]["Keys"]["pk"]["S"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub(crate) fn number(record: &Value) -> usize {
    record["dynamodb"]["NewImage"]["n"]["N"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

impl Function for Recorder {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let records = event["Records"].as_array().unwrap().clone();
            let invocation = {
                let mut batches = self.batches.lock().unwrap();
                batches.push(records.clone());
                batches.len() - 1
            };
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_running.fetch_max(running, Ordering::SeqCst);
            let items: std::collections::BTreeSet<_> = records.iter().map(item).collect();
            for item in &items {
                let mut busy = self.busy.lock().unwrap();
                let count = busy.entry(item.clone()).or_default();
                *count += 1;
                if *count > 1 {
                    self.clashes.fetch_add(1, Ordering::SeqCst);
                }
            }
            tokio::time::sleep(self.pause).await;
            for item in &items {
                *self.busy.lock().unwrap().get_mut(item).unwrap() -= 1;
            }
            self.running.fetch_sub(1, Ordering::SeqCst);
            (self.answer)(&records, invocation)
        })
    }
}
