//! Makes the page's files, as they stand in `page/`, into what is served.

#[path = "build/bundle.rs"]
mod bundle;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest as _, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=page");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let mut sources = BTreeMap::new();
    for file in fs::read_dir("page")? {
        let path = file?.path();
        sources.insert(name(&path)?, fs::read_to_string(&path)?);
    }
    let folder = out.join("page");
    fs::create_dir_all(&folder)?;
    let mut table = "&[\n".to_owned();
    // Here and not when the function starts: it would be half of what that takes.
    let mut digest = Sha256::new();
    for (name, content) in bundle::served(&sources)? {
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(&content);
        let path = folder.join(&name);
        fs::write(&path, content)?;
        writeln!(table, "    ({name:?}, include_str!({path:?})),")?;
    }
    table.push_str("]\n");
    fs::write(out.join("page.rs"), table)?;
    let fingerprint = hex::encode(&digest.finalize()[..12]);
    fs::write(out.join("folder"), fingerprint)?;
    Ok(())
}

fn name(path: &Path) -> Result<String, String> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| format!("{}: no name for a file of the page", path.display()))
}
