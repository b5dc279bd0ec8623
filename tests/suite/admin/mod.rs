mod accounts;
mod cli;
mod cli_import;
