//! Journeys of real registry clients against Dockpass alone and against Debian's docker-registry: the docker CLI, skopeo,
//! podman, buildah, containerd's ctr, Docker's engine and the crate oci-client; and the
//! credential helper with a real keyring. tests/run gets them all; a test that misses
//! one fails and says so. The engine alone does not start everywhere: where it does not, its test says NOT RUN and why.
//!
//! The clients are run from the tests' own threads, which may wait for them: the server under test lives on the
//! threads of each test's runtime.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

mod client;
mod config;
mod containerd;
mod doctor;
mod engine;
mod image;
mod keyring;
mod keys;
mod levels;
mod login;
mod mount;
mod namespaces;
mod oci;
mod podman;
mod program;
mod refusals;
mod yard;
