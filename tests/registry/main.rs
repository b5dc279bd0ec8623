//! Journeys of real registry clients: the docker CLI and skopeo, against Dockpass alone and against Debian's
//! docker-registry; and the credential helper with a real keyring. tests/run installs them all; a test that misses one
//! fails and says so.
//!
//! The clients are run from the tests' own threads, which may wait for them: the server under test lives on the
//! threads of each test's runtime.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

mod client;
mod config;
mod image;
mod keyring;
mod levels;
mod login;
mod namespaces;
mod program;
mod refusals;
mod yard;
