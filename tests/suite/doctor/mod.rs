mod database;
mod registry;
mod running_server;
mod server;
mod steps;
