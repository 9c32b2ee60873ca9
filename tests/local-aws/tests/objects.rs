//! The buckets, and the product's own bucket against them.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use handoff::conversation::{ConversationId, EntryId};
use handoff::desk::DeskFile;
use handoff::files::{Bucket, Files as _};
use handoff::time::{Clock, Millis, SharedClock, SystemClock};
use local_aws::objects::Objects;

#[derive(Debug)]
struct Ago(Millis);

impl Clock for Ago {
    fn now(&self) -> Millis {
        SystemClock.now() - self.0
    }
}

fn bucket(objects: &Objects, clock: SharedClock) -> Bucket {
    let credentials = SharedCredentialsProvider::new(Objects::credentials());
    Bucket::new(
        "files",
        Some(objects.url()),
        local_aws::REGION,
        credentials,
        clock,
    )
    .unwrap()
}

async fn keep(bucket: &Bucket, n: usize, bytes: &[u8]) -> Result<String, String> {
    let conversation = ConversationId::new("會話 1/2?#").unwrap();
    let file = DeskFile {
        name: "plän (1)*'~+&=.png".into(),
        content_type: Some("image/png".into()),
        bytes: None,
        url: "https://desk.example/private".into(),
        public: false,
    };
    let entry = EntryId::parse("e-1").unwrap();
    let kept = bucket.keep(&conversation, &entry, n, &file, bytes.to_vec());
    kept.await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_link_opens_its_file_and_nothing_else() {
    let objects = Objects::start().await.unwrap();
    let bucket = bucket(&objects, SystemClock::shared());
    let link = keep(&bucket, 0, b"picture").await.unwrap();
    let other = keep(&bucket, 1, b"other").await.unwrap();
    assert_ne!(other, link);
    let client = reqwest::Client::new();
    let opened = client.get(&link).send().await.unwrap();
    assert_eq!(opened.status().as_u16(), 200);
    assert_eq!(opened.headers()["content-type"], "image/png");
    let shown = opened.headers()["content-disposition"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        shown.starts_with("attachment; filename*=UTF-8''pl%C3%A4n"),
        "{shown}"
    );
    assert_eq!(opened.bytes().await.unwrap().as_ref(), b"picture");
    for other in [
        link.replace("/e-1/0?", "/e-1/1?"),
        link.replace("image%2Fpng", "text%2Fhtml"),
        link.replace("X-Amz-Expires=43200", "X-Amz-Expires=86400"),
        link.split('?').next().unwrap().to_owned(),
    ] {
        assert_ne!(other, link);
        assert_eq!(
            client.get(&other).send().await.unwrap().status().as_u16(),
            403,
            "{other}"
        );
    }
    // What reads does not write.
    let write = client.put(&link).body("evil").send().await.unwrap();
    assert_eq!(write.status().as_u16(), 403);
    assert_eq!(objects.count(), 2);
}

#[tokio::test]
async fn a_link_runs_out() {
    let objects = Objects::start().await.unwrap();
    let fresh = keep(&bucket(&objects, SystemClock::shared()), 0, b"x").await;
    assert!(fresh.is_ok());
    let late = bucket(&objects, Arc::new(Ago(13 * 3_600_000)));
    // Already the address to store it under is too old.
    assert_eq!(
        keep(&late, 0, b"x").await.unwrap_err(),
        "The store answered HTTP 403"
    );
}
