mod backup;
mod data_folder;
mod outage;
