mod backup;
mod data_folder;
mod memory;
mod outage;
