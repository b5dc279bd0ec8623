//! The question before an action that is hard to undo: GET shows it, and its form posts to the same address.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, dialog_or_page};

/// A dialog over the page, or a page of its own without a script.
#[derive(Template)]
#[template(path = "confirm.html", blocks = ["dialog"])]
pub struct ConfirmPage {
    pub page: Page,
    /// Also the text of the button.
    pub title: String,
    /// A paragraph on each line.
    pub question: String,
    /// Where the form goes.
    pub action: String,
    /// The page behind the dialog.
    pub back: String,
    pub back_title: String,
    pub is_danger: bool,
}

impl ConfirmPage {
    pub fn show(self) -> Response {
        dialog_or_page!(StatusCode::OK, self)
    }
}
