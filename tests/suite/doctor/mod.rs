mod database;
mod server;
