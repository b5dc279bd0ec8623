mod backup;
mod memory;
mod outage;
