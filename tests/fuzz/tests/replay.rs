//! The committed corpus, through every target, with the stable toolchain.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use fuzz::TARGETS;

fn files_of(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Runs every input and names those that break a promise, all of them.
fn replay(target: &str) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let files = files_of(target);
    assert!(files.len() >= 10, "{target} has no corpus");
    let broken: Vec<_> = files
        .iter()
        .filter(|file| {
            let input = std::fs::read(file).unwrap();
            std::panic::catch_unwind(|| run(&input)).is_err()
        })
        .collect();
    assert!(broken.is_empty(), "{target}: {broken:?}");
}

macro_rules! replays {
    ($($target:ident),+) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })+

        #[test]
        fn every_target_is_replayed() {
            let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($target)),+]);
        }
    };
}
replays!(agents, bells, domain, from_desks, items, webhooks, written);
