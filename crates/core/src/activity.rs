//! The security log: what is noted about an account.

/// From where something was done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ClientInfo {
    /// The address, as text.
    pub address: String,
    /// The `User-Agent`, shortened.
    pub client: String,
}

/// What equal failures have in common. The program is not part of it: a client that names another one each time would
/// fill the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FailureKey {
    /// The account's id.
    pub account_id: String,
    /// What failed.
    pub kind: ActivityKind,
    /// A token's description and the refusal's code, or nothing.
    pub detail: String,
    /// From which address.
    pub address: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActivityKind {
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

impl ActivityKind {
    /// All of them, in the order of the filter.
    pub const ALL: [ActivityKind; 27] = [
        ActivityKind::SignedIn,
        ActivityKind::SignInFailed,
        ActivityKind::SignedOut,
        ActivityKind::PasswordChanged,
        ActivityKind::TwoFactorOn,
        ActivityKind::TwoFactorOff,
        ActivityKind::RecoveryCodesMade,
        ActivityKind::RecoveryCodeUsed,
        ActivityKind::TokenCreated,
        ActivityKind::TokenEdited,
        ActivityKind::TokenActivated,
        ActivityKind::TokenDeactivated,
        ActivityKind::TokenDeleted,
        ActivityKind::TokenRefused,
        ActivityKind::SessionsEnded,
        ActivityKind::CalendarRenewed,
        ActivityKind::DeviceApproved,
        ActivityKind::DeviceDenied,
        ActivityKind::DeviceSignedOut,
        ActivityKind::TokenReplaced,
        ActivityKind::DeviceIdle,
        ActivityKind::DeviceOver,
        ActivityKind::RepositoryCreated,
        ActivityKind::RepositoryVisibility,
        ActivityKind::RepositoryShared,
        ActivityKind::RepositoryUnshared,
        ActivityKind::RepositoryRemoved,
    ];

    /// The name in the database, in addresses and in the locale files.
    pub const fn as_str(self) -> &'static str {
        match self {
            ActivityKind::SignedIn => "signed_in",
            ActivityKind::SignInFailed => "sign_in_failed",
            ActivityKind::SignedOut => "signed_out",
            ActivityKind::PasswordChanged => "password_changed",
            ActivityKind::TwoFactorOn => "two_factor_on",
            ActivityKind::TwoFactorOff => "two_factor_off",
            ActivityKind::RecoveryCodesMade => "recovery_codes_made",
            ActivityKind::RecoveryCodeUsed => "recovery_code_used",
            ActivityKind::TokenCreated => "token_created",
            ActivityKind::TokenEdited => "token_edited",
            ActivityKind::TokenActivated => "token_activated",
            ActivityKind::TokenDeactivated => "token_deactivated",
            ActivityKind::TokenDeleted => "token_deleted",
            ActivityKind::TokenRefused => "token_refused",
            ActivityKind::SessionsEnded => "sessions_ended",
            ActivityKind::CalendarRenewed => "calendar_renewed",
            ActivityKind::DeviceApproved => "device_approved",
            ActivityKind::DeviceDenied => "device_denied",
            ActivityKind::DeviceSignedOut => "device_signed_out",
            ActivityKind::TokenReplaced => "token_replaced",
            ActivityKind::DeviceIdle => "device_idle",
            ActivityKind::DeviceOver => "device_over",
            ActivityKind::RepositoryCreated => "repository_created",
            ActivityKind::RepositoryVisibility => "repository_visibility",
            ActivityKind::RepositoryShared => "repository_shared",
            ActivityKind::RepositoryUnshared => "repository_unshared",
            ActivityKind::RepositoryRemoved => "repository_removed",
        }
    }

    /// Reads the name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
