mod history;
mod list;
mod manage;
mod sharing;
