//! `docker-credential-dockpass` as people and registry clients run it, against a fake server that follows a script and
//! against Dockpass itself. A file for each module of the helper; `command_line` is its `main.rs`.

mod browser;
mod command_line;
mod commands;
mod credential_store;
mod discovery;
mod docker_config;
mod fake_server;
mod host;
mod http;
mod oauth;
mod paths;
mod polling;
mod progress;
mod protocol;
mod workstation;
