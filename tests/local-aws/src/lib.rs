//! The AWS parts a serverless bundle runs on, on one machine.
//!
//! Each part does what the AWS service does to a Lambda function, closely enough that a function
//! which works here works there: the events have the service's own shape, and what the service
//! does not promise (order, one delivery, promptness) can be taken away on purpose.
//!
//! | part | stands in for |
//! |---|---|
//! | [`dynamodb`] | DynamoDB with its Streams, in memory or on a file |
//! | [`streams`] | a reader of DynamoDB Streams, for any endpoint |
//! | [`mapping`] | Lambda's event source mapping for a stream |
//! | [`objects`] | S3, as far as signed addresses reach |
//! | [`queue`] | an SQS standard queue with its event source mapping |
//! | [`schedule`] | an EventBridge Scheduler schedule |
//! | [`gateway`] | an API Gateway HTTP API |
//! | [`runtime_api`] | the Lambda service around a function's binary |
//! | [`function`] | what all of them invoke |

mod batch;
mod chaos;
pub mod dynamodb;
mod error;
pub mod function;
pub mod gateway;
mod ids;
pub mod mapping;
pub mod objects;
pub mod queue;
pub mod runtime_api;
pub mod schedule;
pub mod sdk;
pub mod streams;
mod time;

pub use chaos::{Chaos, ChaosSource, Mishap};
pub use error::Error;
pub use function::{Function, SharedFunction};

/// The region every part claims to be in.
pub const REGION: &str = "us-east-1";

/// The account every part claims to belong to (the one AWS's own documentation uses).
pub const ACCOUNT_ID: &str = "123456789012";
