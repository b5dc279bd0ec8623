//! Accounts.

use crate::timestamp::Timestamp;
use crate::username::Username;

/// A person who may sign in. It does not hold the password's digest, so that few places see it.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: String,
    /// It never changes, because it is part of every repository's name.
    pub username: Username,
    pub is_admin: bool,
    /// Raised by every change that ends what began before it: sessions, sign-ins and device approvals carry it.
    pub credentials_version: i64,
    pub disabled_at: Option<Timestamp>,
    pub display_name: Option<String>,
    pub language: Option<String>,
    pub theme: Option<String>,
    pub time_zone: Option<String>,
    pub has_calendar: bool,
    pub has_second_factor: bool,
    /// When its owner closed it. A closed account cannot be opened again.
    pub closed_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Account {
    pub fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(self.username.as_str())
    }

    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none() && self.closed_at.is_none()
    }
}
