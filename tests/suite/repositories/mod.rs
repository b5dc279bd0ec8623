mod list;
mod manage;
mod sharing;
