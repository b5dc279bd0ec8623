mod database;
mod registry;
pub mod running_server;
mod server;
mod steps;
