//! Repositories: their owners, who they are shared with, and their last push and pull.

pub mod actions;
pub mod cli;
mod detail;
pub mod facts;
pub mod history;
mod list;
mod list_query;
mod manage;
mod rows;
mod sharing;
mod store;

use axum::Router;

use crate::app::App;

pub use store::ListedRepository;

pub fn routes() -> Router<App> {
    list::routes().merge(detail::routes()).merge(manage::routes()).merge(sharing::routes())
}
