mod accounts;
mod cli;
