//! An account as everything above the database knows it.

use crate::{timestamp::Timestamp, username::Username};

/// A person who may sign in. The password's digest is not among what is handed around.
#[derive(Debug, Clone)]
pub struct Account {
    /// A UUID.
    pub id: String,
    /// Unchangeable: it is part of every repository's name.
    pub username: Username,
    /// Whether the account may manage others.
    pub is_admin: bool,
    /// When an administrator disabled it.
    pub disabled_at: Option<Timestamp>,
    /// How the person wants to be called; the username where there is none.
    pub display_name: Option<String>,
    /// The language that was chosen, as a locale's name.
    pub language: Option<String>,
    /// The theme that was chosen: `light` or `dark`.
    pub theme: Option<String>,
    /// The time zone that was chosen, by its IANA name.
    pub time_zone: Option<String>,
    /// Whether a calendar address was made.
    pub has_calendar: bool,
    /// Whether two-factor authentication is on.
    pub has_second_factor: bool,
    /// When its owner closed it for good.
    pub closed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// What to call the person.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(self.username.as_str())
    }

    /// Whether it may sign in and its tokens work.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none() && self.closed_at.is_none()
    }
}
