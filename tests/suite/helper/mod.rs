//! `docker-credential-dockpass`, run as a person and as registry clients run it, against a small server that says what
//! a test wants to hear, and against Dockpass itself.

mod at_once;
mod docker_config;
mod docker_hub;
mod dockpass;
mod get;
mod input;
mod login;
mod logout;
mod no_certificates;
mod read_only;
mod server;
mod workstation;
