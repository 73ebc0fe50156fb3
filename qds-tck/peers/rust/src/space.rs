//! Whether there is room for a segment (QDS1-NEW-01): filling it would end in an error, or in the kernel ending the
//! process. What cannot be looked at is not refused: filling tells then.

use std::path::Path;

use crate::error::{ErrorKind, Result};
use crate::segment::Place;
use crate::sys;

/// Refuses a segment of so many bytes with the figures.
pub fn require(place: &Place, length: u64) -> Result<()> {
    if let Ok((free, total, is_memory)) = sys::file_system(place.directory()) {
        require_free(place, length, free, total)?;
        if is_memory {
            require_memory_of_groups(place, length)?;
        }
    }
    let limit = sys::file_size_limit();
    if limit < length {
        let text =
            format!("needs {length} bytes, the file-size limit of this process is {limit}; raise it (ulimit -f)");
        return Err(place.error(ErrorKind::Io, text));
    }
    Ok(())
}

fn require_free(place: &Place, length: u64, free: u64, total: u64) -> Result<()> {
    if free < length {
        let text = format!(
            "needs {length} bytes, its file system has {free} free of {total}; make it smaller, remove channels, or \
             enlarge the file system"
        );
        return Err(place.error(ErrorKind::DirectoryFull, text));
    }
    Ok(())
}

fn require_memory_of_groups(place: &Place, length: u64) -> Result<()> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, name) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        if controllers.is_empty() {
            require_memory(place, length, "/sys/fs/cgroup", name, &["memory.max", "memory.current", ""])?;
        } else if controllers.split(',').any(|controller| controller == "memory") {
            let files = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_"];
            require_memory(place, length, "/sys/fs/cgroup/memory", name, &files)?;
        }
    }
    Ok(())
}

/// Looks at a control group and those above it. A container sees its own as the root.
fn require_memory(place: &Place, length: u64, root: &str, name: &str, files: &[&str; 3]) -> Result<()> {
    let [limit_file, usage_file, prefix] = files;
    let root = Path::new(root);
    let group = root.join(name.trim_start_matches('/'));
    let group = if group.is_dir() { group.as_path() } else { root };
    for group in group.ancestors().take_while(|group| group.starts_with(root)) {
        let number = |file: &str| std::fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
        let (Some(limit), Some(usage)) = (number(limit_file), number(usage_file)) else { continue };
        if limit.saturating_sub(usage) >= length {
            continue;
        }
        // The kernel drops pages of files that it can read again.
        let statistics = std::fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let reclaimable: u64 = statistics
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(key, _)| {
                key.strip_prefix(prefix).is_some_and(|key| ["active_file", "inactive_file"].contains(&key))
            })
            .filter_map(|(_, value)| value.parse::<u64>().ok())
            .sum();
        let used = usage.saturating_sub(reclaimable);
        if limit.saturating_sub(used) < length {
            let text = format!(
                "needs {length} bytes, the memory limit of control group {} is {limit}, {used} are used; make it \
                 smaller, or raise the limit",
                group.display()
            );
            return Err(place.error(ErrorKind::DirectoryFull, text));
        }
    }
    Ok(())
}
