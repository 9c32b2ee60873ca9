//! Which browser there is.

use std::env;
use std::path::PathBuf;

/// A browser and its driver.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) chromedriver: PathBuf,
    pub(crate) chromium: PathBuf,
}

impl Installed {
    /// What the environment names or else `PATH` has.
    pub(crate) fn find() -> Option<Self> {
        Some(Self {
            chromedriver: program("CHROMEDRIVER", &["chromedriver"])?,
            chromium: program(
                "CHROMIUM",
                &["chromium", "chromium-browser", "google-chrome"],
            )?,
        })
    }
}

/// A program that is named is not looked for: where the name is wrong, the start says so.
fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable).filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<_> = env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}
