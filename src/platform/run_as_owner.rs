//! The user as whom a command works. What root creates in the data folder, such as SQLite's log, the server could not write.

use std::fs;
#[cfg(not(target_os = "linux"))]
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The owner of the data folder, as whom a command of root works.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// Makes a program that root started work as the owner of the data folder; `None` if it already does. Only this thread
    /// changes, and those that it starts later, so call this before the first of them. An error is a sentence.
    pub fn take(folder: &Path) -> Result<Option<Self>, String> {
        let Some(found) = fs::metadata(folder).ok().filter(|found| is_root() && found.uid() != 0) else {
            return Ok(None);
        };
        let owner = Self { uid: found.uid(), gid: found.gid() };
        let taken = set_effective_user(owner.uid, owner.gid);
        taken.map_err(|error| format!("cannot work as the owner of {}: {error}", folder.display()))?;
        Ok(Some(owner))
    }

    /// Lets this thread write as root again, where root named a place outside of the data folder.
    pub fn return_to_root(self) -> Result<(), String> {
        set_effective_user(0, 0).map_err(|error| format!("cannot work as root again: {error}"))
    }

    /// Gives up the way back to root.
    pub fn stay(self) -> Result<(), String> {
        set_user(self.uid, self.gid).map_err(|error| format!("cannot stay user {}: {error}", self.uid))
    }

    /// An error with the reason that root cannot see, if it is about a place that this owner cannot use.
    pub fn explain(self, sentence: String) -> String {
        if sentence.contains("ermission denied") {
            format!("{sentence}; the command works as the owner of the data folder, the user {}", self.uid)
        } else {
            sentence
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use rustix::process::geteuid;
    use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    pub fn is_root() -> bool {
        geteuid().is_root()
    }

    /// Root's own rights are needed to change the groups: root is the first user, or else the last one.
    pub fn set_effective_user(uid: u32, gid: u32) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        if uid.is_root() {
            set_thread_res_uid(None, uid, None)?;
        }
        set_thread_groups(&[gid])?;
        set_thread_res_gid(None, gid, None)?;
        Ok(set_thread_res_uid(None, uid, None)?)
    }

    pub fn set_user(uid: u32, gid: u32) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        set_thread_res_gid(gid, gid, gid)?;
        Ok(set_thread_res_uid(uid, uid, uid)?)
    }
}

#[cfg(target_os = "linux")]
use linux::{is_root, set_effective_user, set_user};

#[cfg(not(target_os = "linux"))]
fn is_root() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn set_effective_user(_uid: u32, _gid: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
use set_effective_user as set_user;
