//! Forms that are sent.

use std::collections::HashMap;

/// The fields of a form that was sent.
pub(crate) fn fields(body: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}
