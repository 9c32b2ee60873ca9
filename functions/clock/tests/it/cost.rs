//! What a tick costs: what is due, however many conversations are open.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use serde_json::json;

use crate::world::{MINUTE, World};

/// Counts the read units that DynamoDB says were consumed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadUnits(Arc<Mutex<f64>>);

impl ReadUnits {
    fn take(&self) -> f64 {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Intercept for ReadUnits {
    fn name(&self) -> &'static str {
        "ReadUnits"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        if let Some(query) = input.downcast_mut::<QueryInput>() {
            query.return_consumed_capacity = Some(Total);
        } else if let Some(get) = input.downcast_mut::<GetItemInput>() {
            get.return_consumed_capacity = Some(Total);
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else {
            return Ok(());
        };
        let of_query = output.downcast_ref::<QueryOutput>();
        let of_get = output.downcast_ref::<GetItemOutput>();
        let consumed = of_query
            .and_then(QueryOutput::consumed_capacity)
            .or_else(|| of_get.and_then(GetItemOutput::consumed_capacity));
        if let Some(units) = consumed.and_then(|consumed| consumed.capacity_units()) {
            *self.0.lock().unwrap() += units;
        }
        Ok(())
    }
}

/// The read units of a tick with ten texts due, while this many conversations wait; and of one in
/// which nothing is due.
async fn ticks_over(open: usize, text: &str) -> (f64, f64) {
    let units = ReadUnits::default();
    let settings = json!({
        "greeting": "",
        "waiting": {"texts": [{"after_seconds": 600, "text": text}], "alarm_after_seconds": 0},
    });
    let world = World::metered(settings, &units).await;
    for n in 0..open {
        if n == 10 {
            world.time.advance(5 * MINUTE);
        }
        let name = format!("67d8db020fa31d1e{n:08}");
        world.establish(&name, "665d88b03ce2b13cf2d573454").await;
        // Their agents have been shown them: nothing is undelivered.
        world.carry(&name).await;
    }
    if open <= 10 {
        world.time.advance(5 * MINUTE);
    }
    units.take();
    let idle = world.tick().await;
    assert_eq!((idle.told, idle.failed), (0, 0));
    let nothing_due = units.take();
    world.time.advance(5 * MINUTE);
    // Had their establishes taken long, more than ten would be due.
    let busy = world.tick().await;
    assert_eq!((busy.told, busy.failed), (10, 0));
    (units.take(), nothing_due)
}

#[tokio::test]
async fn a_tick_costs_what_is_due() {
    let (few, idle_few) = ticks_over(10, "wait").await;
    let (many, idle_many) = ticks_over(250, "wait").await;
    assert!(
        few > 0.0 && few == many,
        "{few} with 10 open, {many} with 250"
    );
    assert_eq!(idle_few, idle_many);
    assert!(idle_few < few);
}

/// Run it with `--ignored --nocapture`: what it costs over ten thousand.
#[tokio::test]
#[ignore = "takes minutes"]
#[allow(clippy::print_stdout)]
async fn ten_thousand_open_conversations_cost_what_ten_do() {
    for text in ["wait", "number {position}"] {
        let (few, idle_few) = ticks_over(10, text).await;
        let (many, idle_many) = ticks_over(10_000, text).await;
        println!(
            "{text:?}: read units of a tick with 10 due: {few} with 10 open, {many} with 10,000; with none due: {idle_few} and {idle_many}"
        );
        assert_eq!(idle_few, idle_many);
        if !text.contains("{position}") {
            assert!(few == many);
        }
    }
}
