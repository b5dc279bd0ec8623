mod backup;
mod clock_jumps;
mod data_folder;
mod memory;
mod migrate_to;
mod migrations;
mod outage;
mod run_as_owner;
