//! Journeys of real registry clients against Dockpass alone and against Debian's docker-registry: the docker CLI, skopeo,
//! podman, buildah, containerd's ctr, Docker's engine and the crate oci-client; and the
//! credential helper with a real keyring, and on its whole way through Debian's Chromium. tests/run gets them all; a test that misses
//! one fails and says so. The engine alone does not start everywhere: where it does not, its test says NOT RUN and why.
//!
//! The clients are run from the tests' own threads, which may wait for them: the server under test lives on the
//! threads of each test's runtime.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

// One journey here needs a person at a browser.
#[allow(dead_code, reason = "made for the browser journeys, of which this binary has one")]
#[path = "../browser/audit.rs"]
mod audit;
#[path = "../browser/driver.rs"]
mod driver;
#[allow(dead_code, reason = "made for the browser journeys, of which this binary has one")]
#[path = "../browser/window.rs"]
mod window;
#[allow(dead_code, reason = "made for the browser journeys, of which this binary has one")]
#[path = "../browser/words.rs"]
mod words;

mod attribution;
mod client;
mod config;
mod containerd;
mod device;
mod doctor;
mod engine;
mod helper;
mod image;
mod keyring;
mod keyring_session;
mod keys;
mod levels;
mod login;
mod mount;
mod namespaces;
mod oci;
mod podman;
mod program;
mod refusals;
mod registry_host;
mod rights;
mod workstation;
