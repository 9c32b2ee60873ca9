//! The dashboard shows figures that exist.

use std::collections::BTreeSet;

use handoff::metrics::{Metric, NAMESPACE, SIDE};
use serde_json::Value;
use template::Template;

fn widgets() -> Vec<Value> {
    let template = Template::of_the_project();
    let body = Template::text(&template.properties("Dashboard")["DashboardBody"]);
    let body: Value = serde_json::from_str(&body).unwrap();
    body["widgets"].as_array().unwrap().clone()
}

/// The rows of all graphs.
fn figures() -> Vec<Vec<Value>> {
    widgets()
        .iter()
        .flat_map(|widget| widget["properties"]["metrics"].as_array().cloned())
        .flatten()
        .map(|row| row.as_array().unwrap().clone())
        .collect()
}

#[test]
fn every_figure_of_our_own_is_written_by_a_function() {
    let mut shown = BTreeSet::new();
    let figures = figures();
    for row in figures.iter().filter(|row| row[0] == NAMESPACE) {
        let name = row[1].as_str().unwrap();
        let dimensions: Vec<_> = row[2..]
            .iter()
            .step_by(2)
            .filter_map(Value::as_str)
            .collect();
        let metric = Metric::ALL.iter().find(|metric| metric.name() == name);
        let metric = metric.unwrap_or_else(|| panic!("nobody writes {name}"));
        assert!(
            metric.dimensions().contains(&dimensions.as_slice()),
            "{name} by {dimensions:?}"
        );
        if let Some(side) = dimensions.iter().position(|name| *name == SIDE) {
            let value = row[3 + 2 * side].as_str().unwrap();
            assert!(handoff::conversation::Side::parse(value).is_some());
        }
        shown.insert(name);
    }
    let all: BTreeSet<_> = Metric::ALL.map(Metric::name).into();
    assert_eq!(shown, all, "a figure that is paid for should be seen");
}

#[test]
fn it_answers_what_an_operator_asks_first() {
    let first: Vec<_> = widgets()
        .iter()
        .filter(|widget| widget["y"] == 0)
        .map(|widget| widget["properties"]["metrics"][0][1].clone())
        .collect();
    for metric in ["Waiting", "LongestWait", "OldestUndelivered", "Failed"] {
        assert!(first.contains(&metric.into()), "{metric}");
    }
}

#[test]
fn it_shows_every_alarm() {
    let template = Template::of_the_project();
    let shown: BTreeSet<String> = widgets()
        .iter()
        .filter(|widget| widget["type"] == "alarm")
        .flat_map(|widget| widget["properties"]["alarms"].as_array().unwrap().clone())
        .map(|arn| arn.as_str().unwrap().to_owned())
        .collect();
    let all: BTreeSet<String> = template
        .of_type("AWS::CloudWatch::Alarm")
        .map(|(id, _)| format!("{id}.Arn"))
        .collect();
    assert_eq!(shown, all);
}

#[test]
fn it_shows_every_function() {
    let template = Template::of_the_project();
    for metric in ["Errors", "Throttles", "Duration"] {
        let shown: BTreeSet<String> = figures()
            .iter()
            .filter(|row| row[0] == "AWS/Lambda" && row[1] == metric)
            .map(|row| row[3].as_str().unwrap().to_owned())
            .collect();
        let all: BTreeSet<String> = template
            .functions()
            .into_keys()
            .map(str::to_owned)
            .collect();
        assert_eq!(shown, all, "{metric}");
    }
}
