//! `template.yaml`, read and checked without an AWS account.
//!
//! CloudFormation's short forms (`!Ref X`) are read as what they stand for (`{"Ref": "X"}`).
//! [`Template::text`] writes a value as a short text with the names of resources in the place of
//! what AWS would put in, so that a test can say what it expects in one line.
//!
//! Everything here panics where a test could not go on.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// A CloudFormation template.
#[derive(Debug, Clone)]
pub struct Template(Value);

impl Template {
    /// `template.yaml` of this project.
    pub fn of_the_project() -> Self {
        Self::parse(include_str!("../../../template.yaml"))
    }

    /// Reads a template.
    pub fn parse(yaml: &str) -> Self {
        Self(plain(serde_yaml_ng::from_str(yaml).unwrap()))
    }

    /// The same template with one value replaced, or added, at this JSON pointer: to see a check
    /// fail.
    #[must_use]
    pub fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match self.0.pointer_mut(parent).expect(parent) {
            Value::Array(items) if name == "-" => items.push(value),
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            parent => parent[name] = value,
        }
        self
    }

    /// A section: "Parameters", "Globals", "Outputs" …
    pub fn section(&self, name: &str) -> &Value {
        &self.0[name]
    }

    /// All resources, by their logical ids.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        let resources = self.0["Resources"].as_object().unwrap();
        resources.iter().map(|(id, value)| (id.as_str(), value))
    }

    /// The properties of all resources of a type ("AWS::IAM::Role"), by their logical ids.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.resources()
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id, &resource["Properties"]))
    }

    /// The properties of a resource.
    pub fn properties(&self, id: &str) -> &Value {
        let resource = &self.0["Resources"][id];
        assert!(resource.is_object(), "no resource {id}");
        &resource["Properties"]
    }

    /// The functions, by their logical ids.
    pub fn functions(&self) -> BTreeMap<&str, &Value> {
        self.of_type("AWS::Serverless::Function").collect()
    }

    /// A value as text: `Chat` for a reference to the resource, `Chat.Arn` for its attribute, both
    /// also inside of a text; a choice as `IF condition: this ELSE that`; `-` for no value.
    pub fn text(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().map(Self::text).collect::<Vec<_>>().join(","),
            Value::Object(call) if call.len() == 1 => {
                let (name, of) = call.iter().next().unwrap();
                match name.as_str() {
                    "Ref" if of == "AWS::NoValue" => "-".to_owned(),
                    "Ref" => Self::text(of),
                    "Fn::GetAtt" => of[0].as_str().unwrap().to_owned() + "." + &Self::text(&of[1]),
                    "Fn::Sub" => substituted(of),
                    "Fn::If" => format!(
                        "IF {}: {} ELSE {}",
                        Self::text(&of[0]),
                        Self::text(&of[1]),
                        Self::text(&of[2])
                    ),
                    _ => value.to_string(),
                }
            }
            other => other.to_string(),
        }
    }
}

/// A text with its placeholders replaced by their names.
fn substituted(of: &Value) -> String {
    let (text, more) = match of {
        Value::Array(parts) => (parts[0].as_str().unwrap(), Some(&parts[1])),
        text => (text.as_str().unwrap(), None),
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, after) = behind.split_once('}').unwrap();
        out += before;
        match more.and_then(|more| more.get(name)) {
            Some(value) => out += &Template::text(value),
            None => out += name,
        }
        rest = after;
    }
    out + rest
}

/// YAML with CloudFormation's short forms as plain JSON.
fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => flag.into(),
        Yaml::Number(number) => serde_json::to_value(number).unwrap(),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(members) => members
            .into_iter()
            .map(|(name, value)| (name.as_str().unwrap().to_owned(), plain(value)))
            .collect::<Map<_, _>>()
            .into(),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let value = plain(tagged.value);
            match tag.trim_start_matches('!') {
                "Ref" => json!({"Ref": value}),
                "Condition" => json!({"Condition": value}),
                "GetAtt" => {
                    let (id, attribute) = value.as_str().unwrap().split_once('.').unwrap();
                    json!({"Fn::GetAtt": [id, attribute]})
                }
                name => json!({format!("Fn::{name}"): value}),
            }
        }
    }
}
