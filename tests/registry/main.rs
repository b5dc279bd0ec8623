//! Journeys of real registry clients against Dockpass alone and against Debian's docker-registry: the docker CLI, skopeo,
//! podman, buildah, containerd's ctr, Docker's engine and the crate oci-client. tests/run gets them all; a test that misses
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
mod engine;
mod doctor;
mod image;
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
