//! The binaries that are measured.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::error::BenchError;

/// All functions.
pub(crate) const FUNCTIONS: [&str; 7] = [
    "establish",
    "chat",
    "close",
    "relay",
    "desk",
    "console",
    "clock",
];

/// What they are measured against.
const FLOORS: [&str; 2] = ["empty", "bare"];

/// A folder of binaries.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    /// What the table calls it.
    pub(crate) name: String,
    folder: PathBuf,
}

impl Bundle {
    /// What stands in this folder, as `cargo build` or as `cargo lambda build` leaves it.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            name: folder.display().to_string(),
            folder: folder.to_owned(),
        }
    }

    /// Builds all of them with the profile that is shipped.
    pub(crate) fn built() -> Result<Self, BenchError> {
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(folder)?,
            None => root().join("target"),
        };
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command
            .current_dir(root())
            .env_remove("CARGO_BUILD_TARGET")
            .args(["build", "--release", "--locked", "--target-dir"])
            .arg(&target);
        for function in FLOORS.into_iter().chain(FUNCTIONS) {
            command.args(["-p", function]);
        }
        if !command.status()?.success() {
            return Err(BenchError::Tool("cargo build --release".into()));
        }
        Ok(Self {
            name: "release".into(),
            folder: target.join("release"),
        })
    }

    pub(crate) fn binary(&self, function: &str) -> Result<PathBuf, BenchError> {
        let packed = self.folder.join(function).join("bootstrap");
        let plain = self.folder.join(function);
        let found = [packed, plain.clone()]
            .into_iter()
            .find(|path| path.is_file());
        found.ok_or(BenchError::NoBinary(plain))
    }
}

/// Where the workspace stands.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// How large a binary is, and what it is packed to, in bytes.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Size {
    pub(crate) binary: u64,
    pub(crate) zip: u64,
}

impl Size {
    pub(crate) fn of(binary: &Path) -> Result<Self, BenchError> {
        let bytes = fs::read(binary)?;
        // The level of Python's zipfile, which SAM packs with.
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::new(6));
        packed.write_all(&bytes)?;
        Ok(Self {
            binary: bytes.len() as u64,
            zip: packed.finish()?.len() as u64,
        })
    }
}
