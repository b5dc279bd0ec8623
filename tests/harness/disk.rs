//! A small disk that can be filled.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// A small disk of its own.
pub struct Disk<'p>(&'p Path);

impl<'p> Disk<'p> {
    /// `None` where this user may not mount one.
    pub fn mount(at: &'p Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }

    /// Writes until nothing more fits.
    pub fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    pub fn clear(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
