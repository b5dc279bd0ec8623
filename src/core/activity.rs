//! The security log: what is noted about an account.

/// From where something was done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The address, as text.
    pub address: String,
    /// The `User-Agent`, shortened.
    pub client: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Someone signed in.
    SignedIn,
    /// A sign-in failed, at the password or at the second factor.
    SignInFailed,
    /// Someone signed out.
    SignedOut,
    /// The password was changed or set.
    PasswordChanged,
    /// Two-factor authentication was turned on, or its authenticator replaced.
    TwoFactorOn,
    /// It was turned off.
    TwoFactorOff,
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// A token was generated.
    TokenCreated,
    /// Its description or level was changed.
    TokenEdited,
    /// It was switched on.
    TokenActivated,
    /// It was switched off.
    TokenDeactivated,
    /// It was deleted.
    TokenDeleted,
    /// A request with it was refused.
    TokenRefused,
    /// Sessions were ended.
    SessionsEnded,
    /// A calendar address was made, and an earlier one ended.
    CalendarRenewed,
    /// A device's sign-in was approved on the page.
    DeviceApproved,
    /// It was denied there.
    DeviceDenied,
    /// A device gave its token back.
    DeviceSignedOut,
    /// The token least recently used was deleted for that of a newer sign-in on a device.
    TokenReplaced,
    /// A device's token was deleted because nobody used it for too long.
    DeviceIdle,
    /// A device's token was deleted because its longest time was over.
    DeviceOver,
    /// A repository was made by hand.
    RepositoryCreated,
    /// It was opened to everyone, or closed.
    RepositoryVisibility,
    /// It was shared with an account.
    RepositoryShared,
    /// A share was taken back.
    RepositoryUnshared,
    /// It was removed from the list.
    RepositoryRemoved,
}

impl Kind {
    /// All of them, in the order of the filter.
    pub const ALL: [Kind; 27] = [
        Kind::SignedIn,
        Kind::SignInFailed,
        Kind::SignedOut,
        Kind::PasswordChanged,
        Kind::TwoFactorOn,
        Kind::TwoFactorOff,
        Kind::RecoveryCodesMade,
        Kind::RecoveryCodeUsed,
        Kind::TokenCreated,
        Kind::TokenEdited,
        Kind::TokenActivated,
        Kind::TokenDeactivated,
        Kind::TokenDeleted,
        Kind::TokenRefused,
        Kind::SessionsEnded,
        Kind::CalendarRenewed,
        Kind::DeviceApproved,
        Kind::DeviceDenied,
        Kind::DeviceSignedOut,
        Kind::TokenReplaced,
        Kind::DeviceIdle,
        Kind::DeviceOver,
        Kind::RepositoryCreated,
        Kind::RepositoryVisibility,
        Kind::RepositoryShared,
        Kind::RepositoryUnshared,
        Kind::RepositoryRemoved,
    ];

    /// The name in the database, in addresses and in the locale files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::SignedIn => "signed_in",
            Kind::SignInFailed => "sign_in_failed",
            Kind::SignedOut => "signed_out",
            Kind::PasswordChanged => "password_changed",
            Kind::TwoFactorOn => "two_factor_on",
            Kind::TwoFactorOff => "two_factor_off",
            Kind::RecoveryCodesMade => "recovery_codes_made",
            Kind::RecoveryCodeUsed => "recovery_code_used",
            Kind::TokenCreated => "token_created",
            Kind::TokenEdited => "token_edited",
            Kind::TokenActivated => "token_activated",
            Kind::TokenDeactivated => "token_deactivated",
            Kind::TokenDeleted => "token_deleted",
            Kind::TokenRefused => "token_refused",
            Kind::SessionsEnded => "sessions_ended",
            Kind::CalendarRenewed => "calendar_renewed",
            Kind::DeviceApproved => "device_approved",
            Kind::DeviceDenied => "device_denied",
            Kind::DeviceSignedOut => "device_signed_out",
            Kind::TokenReplaced => "token_replaced",
            Kind::DeviceIdle => "device_idle",
            Kind::DeviceOver => "device_over",
            Kind::RepositoryCreated => "repository_created",
            Kind::RepositoryVisibility => "repository_visibility",
            Kind::RepositoryShared => "repository_shared",
            Kind::RepositoryUnshared => "repository_unshared",
            Kind::RepositoryRemoved => "repository_removed",
        }
    }

    /// Reads the name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
