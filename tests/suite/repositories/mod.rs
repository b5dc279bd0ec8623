mod cli_import;
mod history;
mod list;
mod manage;
mod sharing;
