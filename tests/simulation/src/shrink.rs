//! Makes a history that breaks a promise as small as it gets: leaves out deeds and faults as long as
//! the same promise is still broken.

use crate::history::run_alone;
use crate::plan::Plan;

/// The smallest plan found that still breaks this rule, within so many runs.
///
/// # Errors
/// When the embedded database fails.
pub fn shrunk(plan: &Plan, rule: &str, mut runs: usize) -> Result<Plan, String> {
    let mut best = plan.clone();
    let mut breaks = |plan: &Plan| -> Result<bool, String> {
        if runs == 0 {
            return Ok(false);
        }
        runs -= 1;
        let outcome = run_alone(plan, false)?;
        Ok(outcome
            .violations()
            .iter()
            .any(|violation| violation.rule == rule))
    };
    loop {
        let before = size(&best);
        let faults = best.faults.clone();
        best.faults = without(faults, |faults| {
            breaks(&Plan {
                faults: faults.to_vec(),
                ..best.clone()
            })
        })?;
        let deeds = best.deeds.clone();
        best.deeds = without(deeds, |deeds| {
            breaks(&Plan {
                deeds: deeds.to_vec(),
                ..best.clone()
            })
        })?;
        for simpler in simpler_shapes(&best) {
            if breaks(&simpler)? {
                best = simpler;
            }
        }
        if size(&best) == before {
            return Ok(best);
        }
    }
}

fn size(plan: &Plan) -> (usize, usize, i64) {
    (plan.deeds.len(), plan.faults.len(), plan.shape.skew)
}

fn simpler_shapes(plan: &Plan) -> Vec<Plan> {
    let mut simpler = Vec::new();
    if plan.shape.skew > 0 {
        let mut exact = plan.clone();
        exact.shape.skew = 0;
        simpler.push(exact);
    }
    simpler
}

/// Leaves out what can be left out: halves first, then quarters … then single items.
fn without<T: Clone>(
    all: Vec<T>,
    mut still: impl FnMut(&[T]) -> Result<bool, String>,
) -> Result<Vec<T>, String> {
    let mut kept = all;
    let mut chunk = kept.len().div_ceil(2);
    while chunk > 0 {
        let mut at = 0;
        while at < kept.len() {
            let end = (at + chunk).min(kept.len());
            let fewer = [&kept[..at], &kept[end..]].concat();
            if still(&fewer)? {
                kept = fewer;
            } else {
                at = end;
            }
        }
        chunk /= 2;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let all: Vec<u32> = (0..100).collect();
        let needed = |left: &[u32]| Ok([3, 50, 51].iter().all(|number| left.contains(number)));
        assert_eq!(without(all, needed), Ok(vec![3, 50, 51]));
    }
}
