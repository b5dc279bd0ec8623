//! Real registry clients against Dockpass and against Debian's docker-registry: the docker CLI, skopeo, podman,
//! buildah, containerd's ctr, the Docker engine and the crate oci-client. Also the credential helper, with a real
//! keyring and with Debian's Chromium, and the metrics with Debian's Prometheus. tests/run installs all of them, and a
//! test without its program fails. Only the engine cannot start everywhere. If it cannot, its test prints NOT RUN and
//! the reason.
//!
//! Tests block their thread while a client runs, so the server under test runs on other threads of the test's runtime.

#![allow(clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

// One test here needs a browser.
#[allow(dead_code, reason = "made for the browser journeys, of which this binary has one")]
#[path = "../browser/audit.rs"]
mod audit;
#[path = "../browser/driver.rs"]
mod driver;
#[path = "../browser/shown_pages.rs"]
mod shown_pages;
#[allow(dead_code, reason = "made for the browser journeys, of which this binary has one")]
#[path = "../browser/window.rs"]
mod window;
#[allow(dead_code, reason = "made for the browser journeys, of which this binary has one")]
#[path = "../browser/words.rs"]
mod words;

mod attribution;
mod client;
mod commands;
mod config;
mod containerd;
mod device;
mod doctor;
mod engine;
mod helper;
mod htpasswd;
mod image;
mod keyring;
mod keyring_session;
mod keys;
mod levels;
mod login;
mod metrics;
mod mount;
mod namespaces;
mod oci;
mod podman;
mod program;
mod refusals;
mod registry_host;
mod restore_drill;
mod rights;
mod setup_steps;
mod workstation;
