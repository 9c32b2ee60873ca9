//! As much of a processor as Lambda gives to a memory size: 1,769 MB are one whole, and less is
//! rationed by the scheduler. See
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::BenchError;

/// The memory that comes with one whole processor, in MB.
const WHOLE_MB: u64 = 1_769;
/// The scheduler hands out shares of this, in microseconds.
const PERIOD_US: u64 = 20_000;

/// A control group whose processes get that share. Removed when dropped.
pub(crate) struct Quota {
    group: PathBuf,
}

impl Quota {
    /// # Errors
    /// Where control groups cannot be made: no root, or a container without them.
    pub(crate) fn of_memory(megabytes: u64) -> Result<Self, BenchError> {
        let share_us = (PERIOD_US * megabytes / WHOLE_MB).max(1_000);
        let first = Path::new("/sys/fs/cgroup/cpu");
        let name = format!("bench-{}-{megabytes}", std::process::id());
        let is_first = first.join("cpu.cfs_quota_us").exists();
        let root = Path::new("/sys/fs/cgroup");
        let made = || -> io::Result<Self> {
            if is_first {
                let group = first.join(&name);
                fs::create_dir(&group)?;
                let quota = Self { group };
                fs::write(quota.group.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(quota.group.join("cpu.cfs_quota_us"), share_us.to_string())?;
                return Ok(quota);
            }
            fs::write(root.join("cgroup.subtree_control"), "+cpu")?;
            let group = root.join(&name);
            fs::create_dir(&group)?;
            let quota = Self { group };
            let share = format!("{share_us} {PERIOD_US}");
            fs::write(quota.group.join("cpu.max"), share)?;
            Ok(quota)
        };
        made().map_err(|error| BenchError::NoQuota(error.to_string()))
    }

    /// Takes a process in, and lets what others have used up pass.
    pub(crate) fn admit(&self, process: u32) -> io::Result<()> {
        fs::write(self.group.join("cgroup.procs"), process.to_string())?;
        std::thread::sleep(Duration::from_micros(2 * PERIOD_US));
        Ok(())
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}
