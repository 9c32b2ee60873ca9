//! Which desk instance a path is for.

use handoff::desk::Route;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called<'a> {
    /// The desk instance.
    pub(crate) desk: &'a str,
    /// The token, where there is one.
    pub(crate) token: Option<&'a str>,
    /// The route.
    pub(crate) route: Route,
}

/// Reads a path: `/desks/{desk}/events`, `/desks/{desk}/{token}/events`, or the same with
/// `interactions`. A stage or prefix can come before it.
pub(crate) fn of(path: &str) -> Option<Called<'_>> {
    let mut from_end = path.rsplit('/');
    let route = match from_end.next()? {
        "events" => Route::Events,
        "interactions" => Route::Interactions,
        _ => return None,
    };
    let (last, before, first) = (from_end.next()?, from_end.next()?, from_end.next());
    let (desk, token) = match (before, first) {
        ("desks", _) => (last, None),
        (desk, Some("desks")) => (desk, Some(last)),
        _ => return None,
    };
    let named = !desk.is_empty() && token.is_none_or(|token| !token.is_empty());
    named.then_some(Called { desk, token, route })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Option<(&str, Option<&str>, Route)> {
        of(path).map(|called| (called.desk, called.token, called.route))
    }

    #[test]
    fn a_path_names_instance_route_and_maybe_a_token() {
        let events = Route::Events;
        assert_eq!(read("/desks/slack/events"), Some(("slack", None, events)));
        assert_eq!(
            read("/desks/slack-jp/interactions"),
            Some(("slack-jp", None, Route::Interactions))
        );
        assert_eq!(
            read("/prod/desks/chatwoot/t0ken/events"),
            Some(("chatwoot", Some("t0ken"), events))
        );
        for path in [
            "/desks/events",
            "/desks//events",
            "/desks/slack//events",
            "/desks/slack/else",
            "/desks/slack/a/b/events",
            "/slack/events",
            "",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }
}
