//! The table: whether it is as the store needs it, and what waits in it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    KeySchemaElement, KeyType, PointInTimeRecoveryStatus, ProjectionType, StreamViewType,
    TableDescription, TableStatus, TimeToLiveStatus,
};
use handoff::store::{Store, keys, schema};
use handoff::time::{Clock as _, Millis, SystemClock};

use super::report::Check;

const AREA: &str = "table";
/// Whatever waits longer than this is a matter for somebody: the clock looks every minute.
const TOO_LONG: Millis = 3 * 60_000;
const DAY: Millis = 86_400_000;
const DEPLOY_AGAIN: &str = "deploy the stack's template again; indexes with the table's own partition key can only be made with the table, so without them make a new table";

pub(super) async fn check(store: &Store) -> Vec<Check> {
    let client = store.client();
    let table = match client
        .describe_table()
        .table_name(store.table())
        .send()
        .await
    {
        Ok(answer) => answer
            .table
            .unwrap_or_else(|| TableDescription::builder().build()),
        Err(error) => return vec![not_there(store.table(), &error)],
    };
    let mut checks = vec![shape(&table), stream(&table)];
    checks.push(expiry(store).await);
    checks.push(recovery(store).await);
    if table.deletion_protection_enabled != Some(true) {
        checks.push(Check::warning(
            AREA,
            "it is not protected from being deleted",
            "deploy with DeletionProtection=true",
        ));
    }
    checks
}

fn not_there<E: ProvideErrorMetadata, R: std::fmt::Debug>(
    table: &str,
    error: &SdkError<E, R>,
) -> Check {
    let (found, advice) = match error.code() {
        None if matches!(
            error,
            SdkError::ResponseError(_) | SdkError::ServiceError(_)
        ) =>
        {
            (
                format!("{table}: what answers for DynamoDB cannot be understood"),
                "check AWS_ENDPOINT_URL and whether something stands between: a proxy, an emulator",
            )
        }
        Some("ResourceNotFoundException") => (
            format!("there is no table {table}"),
            "compare --table with the output TableName, and the region",
        ),
        Some(code) if code.contains("AccessDenied") => (
            format!("{table} may not be looked at ({code})"),
            "your credentials need dynamodb:DescribeTable, DescribeTimeToLive, GetItem and Query on it and its indexes",
        ),
        Some(code) => (
            format!("{table} cannot be looked at ({code})"),
            "check your AWS credentials and the region",
        ),
        None => (
            format!("{table}: DynamoDB does not answer"),
            "check your AWS credentials, the region (AWS_REGION) and the connection",
        ),
    };
    Check::failed(AREA, found, advice)
}

/// Keys and indexes as [`schema`] has them.
fn shape(table: &TableDescription) -> Check {
    let wrong = |what: String| Check::failed(AREA, what, DEPLOY_AGAIN);
    if table.table_status != Some(TableStatus::Active) {
        let status = table
            .table_status
            .as_ref()
            .map_or("unknown", TableStatus::as_str);
        return Check::warning(AREA, format!("it is {status}"), "wait until it is ACTIVE");
    }
    if !has_keys(table.key_schema(), keys::PK, keys::SK) {
        return wrong("its keys are not pk and sk".to_owned());
    }
    for (name, sort) in schema::LOCAL_INDEXES {
        let found = table
            .local_secondary_indexes()
            .iter()
            .find(|index| index.index_name() == Some(name));
        let fits = found.is_some_and(|index| {
            let projection = index.projection.as_ref();
            has_keys(index.key_schema(), keys::PK, sort)
                && projection.and_then(|of| of.projection_type.as_ref())
                    == Some(&ProjectionType::All)
        });
        if !fits {
            return wrong(format!(
                "its local index {name} is missing or not as it should be"
            ));
        }
    }
    for (name, partition, sort, all) in schema::GLOBAL_INDEXES {
        let found = table
            .global_secondary_indexes()
            .iter()
            .find(|index| index.index_name() == Some(name));
        let fits = found.is_some_and(|index| {
            let kind = index
                .projection
                .as_ref()
                .and_then(|of| of.projection_type.as_ref());
            // More than the keys does no harm.
            has_keys(index.key_schema(), partition, sort)
                && (!all || kind == Some(&ProjectionType::All))
        });
        if !fits {
            return wrong(format!(
                "its global index {name} is missing or not as it should be"
            ));
        }
    }
    Check::ok(AREA, "its keys and indexes are as they should be")
}

fn has_keys(schema: &[KeySchemaElement], partition: &str, sort: &str) -> bool {
    let of = |kind: KeyType| {
        let found = schema.iter().find(|key| key.key_type == kind);
        found.map(|key| key.attribute_name.as_str())
    };
    of(KeyType::Hash) == Some(partition) && of(KeyType::Range) == Some(sort)
}

fn stream(table: &TableDescription) -> Check {
    let stream = table.stream_specification.as_ref();
    let fits = stream.is_some_and(|stream| {
        stream.stream_enabled
            && matches!(
                stream.stream_view_type,
                Some(StreamViewType::NewImage | StreamViewType::NewAndOldImages)
            )
    });
    if fits {
        Check::ok(AREA, "its stream rings the relay")
    } else {
        Check::failed(
            AREA,
            "its stream is off, or does not carry new images: messages wait for the clock, a minute and more",
            "deploy the stack's template again",
        )
    }
}

async fn expiry(store: &Store) -> Check {
    let request = store.client().describe_time_to_live();
    let answer = match request.table_name(store.table()).send().await {
        Ok(answer) => answer.time_to_live_description,
        Err(error) => {
            let code = error.code().unwrap_or("no answer").to_owned();
            return Check::skipped(
                AREA,
                format!("whether old conversations are deleted ({code})"),
            );
        }
    };
    let on = answer.is_some_and(|ttl| {
        ttl.attribute_name.as_deref() == Some(keys::EXPIRES_AT)
            && matches!(
                ttl.time_to_live_status,
                Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
            )
    });
    if on {
        Check::ok(AREA, "old conversations are deleted by themselves")
    } else {
        Check::failed(
            AREA,
            "its TTL is off: conversations are kept for ever",
            "deploy the stack's template again, or switch TTL on for the attribute expires_at",
        )
    }
}

async fn recovery(store: &Store) -> Check {
    let request = store.client().describe_continuous_backups();
    let answer = match request.table_name(store.table()).send().await {
        Ok(answer) => answer.continuous_backups_description,
        // A wide permission for a small question: not having it is no fault.
        Err(error) => {
            let code = error.code().unwrap_or("no answer").to_owned();
            return Check::skipped(AREA, format!("whether it can be restored ({code})"));
        }
    };
    let on = answer
        .and_then(|backups| backups.point_in_time_recovery_description)
        .and_then(|recovery| recovery.point_in_time_recovery_status)
        == Some(PointInTimeRecoveryStatus::Enabled);
    if on {
        Check::ok(AREA, "it can be restored to any second of the last weeks")
    } else {
        Check::warning(
            AREA,
            "it cannot be restored: point-in-time recovery is off",
            "deploy the stack's template again",
        )
    }
}

/// What waits, and what was given up: the only signs of the relay and the clock that can be seen
/// with nothing but the table.
pub(super) async fn traffic(store: &Store) -> Vec<Check> {
    let now = SystemClock.now();
    let waiting = match store.strays(now - TOO_LONG).await {
        Ok(strays) if strays.is_empty() => Check::ok(AREA, "nothing has been waiting for long"),
        Ok(strays) => Check::warning(
            AREA,
            format!(
                "conversations with lines that should have been delivered minutes ago: {}",
                strays.len()
            ),
            "the other side is down, or the relay or the clock does not run: see the dashboard and their log groups",
        ),
        Err(error) => unreadable(&error.to_string()),
    };
    let failed = match store.failed_since(now - DAY).await {
        Ok(failed) if failed.is_empty() => Check::ok(AREA, "nothing was given up in the last day"),
        Ok(failed) => {
            let entries: usize = failed.values().map(Vec::len).sum();
            Check::warning(
                AREA,
                format!(
                    "given up in the last day: {entries} entries of {} conversations",
                    failed.len()
                ),
                "see why in the console (Failed); when it is mended, send them again there or with \"operator replay --since 1d\"",
            )
        }
        Err(error) => unreadable(&error.to_string()),
    };
    vec![waiting, failed]
}

fn unreadable(error: &str) -> Check {
    Check::failed(
        AREA,
        error,
        "your credentials need dynamodb:Query on the table's indexes",
    )
}
