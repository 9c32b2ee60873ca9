//! One start of one function, and all of them in turns.

use std::collections::BTreeMap;

use crate::bundle::{Bundle, Size};
use crate::error::BenchError;
use crate::events::{Task, World};
use crate::figures::{Figures, Sample};
use crate::process::Launch;
use crate::quota::Quota;
use crate::runtime::RuntimeApi;
use crate::table::{self, Table, TableCall};

/// What is measured.
pub(crate) struct Course {
    pub(crate) bundles: Vec<Bundle>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) starts: usize,
    pub(crate) warm: usize,
    pub(crate) tls: bool,
    /// In MB of Lambda's memory; a whole processor without.
    pub(crate) quota: Option<u64>,
}

impl Course {
    /// Starts everything in turns, so that what else the machine does hits all alike.
    pub(crate) fn run(&self, progress: impl Fn(usize)) -> Result<Vec<Figures>, BenchError> {
        let others = table::that_takes_all(r#"{"code":0,"message":"OK"}"#)?;
        // Each has a table of its own: what one leaves there is no work for another.
        let stage = |task: &Task| {
            let world = World::new(&others, *task)?;
            let table = Table::before(world.endpoint_url(), self.tls)?;
            Ok((world, table))
        };
        let stages: Result<Vec<_>, BenchError> = self.tasks.iter().map(stage).collect();
        let mut stages = stages?;
        let quota = self.quota.map(Quota::of_memory).transpose()?;
        let mut samples: BTreeMap<(usize, usize), Vec<Sample>> = BTreeMap::new();
        // The first start of a binary reads it from the disk: not counted.
        for round in 0..=self.starts {
            progress(round);
            for (nth, (task, (world, table))) in self.tasks.iter().zip(&mut stages).enumerate() {
                // The floors are the same for all.
                let bundles = if task.is_floor() {
                    1
                } else {
                    self.bundles.len()
                };
                for (of, bundle) in self.bundles.iter().enumerate().take(bundles) {
                    let sample = self.one_start(*task, bundle, world, table, quota.as_ref())?;
                    if round > 0 {
                        samples.entry((of, nth)).or_default().push(sample);
                    }
                }
            }
        }
        let figures = samples.into_iter().map(|((of, nth), samples)| {
            let (bundle, task) = (&self.bundles[of], self.tasks[nth]);
            let size = Size::of(&bundle.binary(task.function())?)?;
            Ok(Figures::of(bundle, task, size, &samples))
        });
        figures.collect()
    }

    fn one_start(
        &self,
        task: Task,
        bundle: &Bundle,
        world: &mut World,
        table: &Table,
        quota: Option<&Quota>,
    ) -> Result<Sample, BenchError> {
        let mut talk = world.talk(task)?;
        let mut event = world.event(&mut talk)?;
        let mut environment = world.environment(task.function());
        environment.extend(table.environment());
        let launch = Launch {
            binary: bundle.binary(task.function())?,
            environment,
            under: Vec::new(),
        };
        let mut api = RuntimeApi::start()?;
        table.take_calls();
        let mut process = launch.start(&api.address().to_string(), quota)?;
        let init = api.asked(&mut process)? - process.begun;
        let mut used = process.cpu_ms()?;
        let mut sample = Sample {
            init_ms: millis(init),
            init_cpu_ms: used,
            init_calls: table.take_calls().len(),
            ..Sample::default()
        };
        for n in 0..=self.warm {
            if n > 0 {
                event = world.event(&mut talk)?;
            }
            table.take_calls();
            let (took, answer) = api.invoke(&event, &mut process)?;
            talk.check(&answer)?;
            // What is done after the answer is paid for, too.
            api.asked(&mut process)?;
            let now = process.cpu_ms()?;
            let cpu = now - std::mem::replace(&mut used, now);
            let calls = table.take_calls();
            if n == 0 {
                sample.first_ms = millis(took);
                sample.first_cpu_ms = cpu;
                sample.first_calls = calls.len();
            } else {
                sample.warm_ms.push(millis(took));
                sample
                    .own_ms
                    .push(millis(took) - millis(table::waited(&calls)));
                sample.warm_cpu_ms.push(cpu);
                sample.warm_calls.push(operations(&calls));
            }
        }
        sample.peak_mb = process.peak_mb()?;
        Ok(sample)
    }
}

fn operations(calls: &[TableCall]) -> Vec<String> {
    calls.iter().map(|call| call.operation.clone()).collect()
}

fn millis(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
