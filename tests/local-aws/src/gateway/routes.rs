//! Which route a request goes to.

use std::collections::BTreeMap;

use crate::Error;

/// A part of a route's path. The order of the variants is the order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Fixed(String),
    Variable(String),
    Greedy(String),
}

#[derive(Debug)]
struct Route<T> {
    key: String,
    /// `None` is `ANY`.
    method: Option<String>,
    segments: Vec<Segment>,
    target: T,
}

/// Routes in order of precedence.
pub(super) struct Routes<T>(Vec<Route<T>>);

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> std::fmt::Debug for Routes<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.iter().map(|route| &route.key))
            .finish()
    }
}

/// The route of a request.
pub(super) struct Found<'a, T> {
    pub(super) key: &'a str,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) target: &'a T,
}

impl<T> Routes<T> {
    pub(super) fn add(&mut self, key: &str, target: T) -> Result<(), Error> {
        let invalid = |why: &str| Error::Invalid(format!("route `{key}`: {why}"));
        let (method, path) = key
            .split_once(' ')
            .ok_or_else(|| invalid("expected a method and a path"))?;
        if !method.bytes().all(|byte| byte.is_ascii_uppercase()) || method.is_empty() {
            return Err(invalid("the method is not one"));
        }
        let path = path
            .strip_prefix('/')
            .ok_or_else(|| invalid("the path does not begin with `/`"))?;
        let segments: Vec<_> = path.split('/').map(segment).collect();
        let greedy = |segment: &Segment| matches!(segment, Segment::Greedy(_));
        if segments.iter().rev().skip(1).any(greedy) {
            return Err(invalid("a greedy variable has to be the last segment"));
        }
        let route = Route {
            key: key.to_owned(),
            method: (method != "ANY").then(|| method.to_owned()),
            segments,
            target,
        };
        if self.0.iter().any(|present| {
            present.method == route.method && shape(&present.segments) == shape(&route.segments)
        }) {
            return Err(invalid("there already is such a route"));
        }
        self.0.push(route);
        self.0.sort_by_key(|route| {
            (
                route.segments.last().is_some_and(greedy),
                shape(&route.segments),
                route.method.is_none(),
            )
        });
        Ok(())
    }

    /// The route for `method` and `path`, which is already decoded: API Gateway decodes before it
    /// looks for a route, so an encoded slash separates segments like any other.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Found<'_, T>> {
        let path = path.strip_prefix('/')?;
        self.0.iter().find_map(|route| {
            if route.method.as_deref().is_some_and(|own| own != method) {
                return None;
            }
            Some(Found {
                key: &route.key,
                parameters: matched(&route.segments, path)?,
                target: &route.target,
            })
        })
    }
}

fn segment(text: &str) -> Segment {
    match text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
    {
        None => Segment::Fixed(text.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            None => Segment::Variable(name.to_owned()),
            Some(name) => Segment::Greedy(name.to_owned()),
        },
    }
}

/// The segments without their variables' names, which tell no two routes apart. Where one route
/// has a fixed segment and another a variable, the fixed one sorts first.
fn shape(segments: &[Segment]) -> Vec<Segment> {
    segments
        .iter()
        .map(|segment| match segment {
            Segment::Fixed(text) => Segment::Fixed(text.clone()),
            Segment::Variable(_) => Segment::Variable(String::new()),
            Segment::Greedy(_) => Segment::Greedy(String::new()),
        })
        .collect()
}

/// The values of the variables if `path` fits.
fn matched(segments: &[Segment], path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = Some(path);
    for segment in segments {
        let remaining = rest?;
        let (head, tail) = match remaining.split_once('/') {
            Some((head, tail)) => (head, Some(tail)),
            None => (remaining, None),
        };
        rest = tail;
        match segment {
            Segment::Fixed(text) if text == head => {}
            Segment::Variable(name) if !head.is_empty() => {
                parameters.insert(name.clone(), head.to_owned());
            }
            Segment::Greedy(name) if !remaining.is_empty() => {
                parameters.insert(name.clone(), remaining.to_owned());
                rest = None;
            }
            _ => return None,
        }
    }
    rest.is_none().then_some(parameters)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes<()> {
        let mut routes = Routes::default();
        for key in keys {
            routes.add(key, ()).unwrap();
        }
        routes
    }

    /// The example on AWS's page on routes.
    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes(&[
            "ANY /{proxy+}",
            "GET /pets/{proxy+}",
            "GET /pets/dog/{id}",
            "GET /pets/dog/1",
        ]);
        for (method, path, key) in [
            ("GET", "/pets/dog/1", "GET /pets/dog/1"),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
            ("POST", "/pets/dog/1", "ANY /{proxy+}"),
            ("POST", "/test/5", "ANY /{proxy+}"),
        ] {
            assert_eq!(
                routes.find(method, path).unwrap().key,
                key,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn segments_have_to_be_there() {
        let routes = routes(&["POST /{token}/chat", "GET /console", "GET /console/{file+}"]);
        for (method, path) in [
            ("POST", "//chat"),
            ("POST", "/a/b/chat"),
            ("POST", "/a/chat/"),
            ("GET", "/a/chat"),
            ("GET", "/console/"),
            ("GET", "/consoles"),
            ("GET", "/"),
            ("OPTIONS", "*"),
        ] {
            assert!(routes.find(method, path).is_none(), "{method} {path}");
        }
        let found = routes.find("GET", "/console/api/x").unwrap();
        assert_eq!(found.parameters["file"], "api/x");
    }

    #[test]
    fn what_is_no_route_is_refused() {
        let mut routes = routes(&["GET /a/{b}"]);
        for key in ["/a", "get /a", "GET a", "GET /{a+}/b", "GET /a/{c}"] {
            assert!(routes.add(key, ()).is_err(), "{key}");
        }
    }
}
