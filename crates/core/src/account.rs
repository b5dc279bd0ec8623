//! Accounts.

use crate::timestamp::Timestamp;
use crate::username::Username;

/// A person who may sign in. It does not hold the password's digest, so that few places see it.
#[derive(Debug, Clone)]
pub struct Account {
    /// A UUID.
    pub id: String,
    /// It never changes, because it is part of every repository's name.
    pub username: Username,
    /// Whether it may manage other accounts.
    pub is_admin: bool,
    /// When an administrator disabled it.
    pub disabled_at: Option<Timestamp>,
    /// The name that the person chose.
    pub display_name: Option<String>,
    /// The chosen language, as a locale's name.
    pub language: Option<String>,
    /// The chosen theme: `light` or `dark`.
    pub theme: Option<String>,
    /// The chosen time zone, by its IANA name.
    pub time_zone: Option<String>,
    /// Whether it has a calendar address.
    pub has_calendar: bool,
    /// Whether two-factor authentication is on.
    pub has_second_factor: bool,
    /// When its owner closed it. A closed account cannot be opened again.
    pub closed_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Account {
    /// The display name, or else the username.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(self.username.as_str())
    }

    /// Whether the person may sign in and the tokens work.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none() && self.closed_at.is_none()
    }
}
