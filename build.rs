//! Puts htmx, the build date and the commit into the binary.
//!
//! No crate ships htmx 2 under a permissive licence, and a copied file would not show where it came from. So the build
//! downloads the npm package, checks the SHA-256 of the file and writes it to `OUT_DIR`. Without npm or a network,
//! `DOCKPASS_HTMX=FILE` names a copy of the file.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

use sha2::{Digest, Sha256};

const PACKAGE: &str = "htmx.org@2.0.11";
const SHA256: &str = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=static");
    println!("cargo::rerun-if-changed=templates/locales");
    println!("cargo::rerun-if-env-changed=DOCKPASS_HTMX");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rustc-env=DOCKPASS_BUILD_SECONDS={}", build_day()?);
    println!("cargo::rerun-if-env-changed=DOCKPASS_COMMIT");
    println!("cargo::rustc-env=DOCKPASS_VERSION={}", version());
    let out = env::var("OUT_DIR")?;
    let script = match env::var("DOCKPASS_HTMX") {
        Ok(file) => fs::read(&file).map_err(|error| format!("DOCKPASS_HTMX={file} cannot be read: {error}"))?,
        Err(_) => from_npm(Path::new(&out))?,
    };
    let found: String = Sha256::digest(&script).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != SHA256 {
        return Err(format!("this is not the file of {PACKAGE}: its SHA-256 is {found}, not {SHA256}").into());
    }
    fs::write(Path::new(&out).join("htmx.min.js"), script)?;
    Ok(())
}

/// The midnight before the build, in seconds since 1970. `SOURCE_DATE_EPOCH` makes builds reproducible.
fn build_day() -> Result<u64, Box<dyn Error>> {
    #[expect(clippy::disallowed_methods, reason = "the build has no other clock")]
    let seconds = match env::var("SOURCE_DATE_EPOCH") {
        Ok(given) => {
            given.trim().parse().map_err(|_| format!("SOURCE_DATE_EPOCH={given} is not a number of seconds"))?
        }
        Err(_) => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs(),
    };
    Ok(seconds - seconds % 86_400)
}

/// The version, with the commit if it is known.
fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    match env::var("DOCKPASS_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(commit) {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    }
}

/// The commit of a build that is not for developing: those would be built again after each commit.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    if env::var("PROFILE").is_ok_and(|profile| profile == "debug") {
        return None;
    }
    // Sources may be unpacked inside another project's repository.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    // Git adds a line to this file whenever another commit is checked out.
    println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn from_npm(folder: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let hint = "install npm, or set DOCKPASS_HTMX to a copy of its dist/htmx.min.js";
    let packed = Command::new("npm")
        .args(["pack", PACKAGE, "--silent", "--pack-destination"])
        .arg(folder)
        .current_dir(folder)
        .output()
        .map_err(|error| format!("npm, which downloads {PACKAGE}, cannot be run ({error}): {hint}"))?;
    if !packed.status.success() {
        let said = String::from_utf8_lossy(&packed.stderr);
        return Err(format!("npm pack {PACKAGE} failed: {hint}\n{said}").into());
    }
    let archive = String::from_utf8(packed.stdout)?.trim().to_owned();
    let file = "package/dist/htmx.min.js";
    let unpacked = Command::new("tar").args(["-xzf", &archive, file]).current_dir(folder).status()?;
    if !unpacked.success() {
        return Err(format!("{archive} has no {file}: {hint}").into());
    }
    Ok(fs::read(folder.join(file))?)
}
