mod backup;
mod outage;
