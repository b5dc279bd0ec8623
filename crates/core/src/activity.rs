//! The entries of an account's security log.

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ClientInfo {
    /// The IP address.
    pub address: String,
    /// The shortened `User-Agent`.
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

/// The kind of a log entry.
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
    /// Two-factor authentication was turned off.
    TwoFactorOff,
    /// New recovery codes were generated.
    RecoveryCodesGenerated,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// A token was generated.
    TokenCreated,
    /// A token's description, level or repositories were changed.
    TokenEdited,
    /// A token was activated.
    TokenActivated,
    /// A token was deactivated.
    TokenDeactivated,
    /// A token was deleted.
    TokenDeleted,
    /// A request with a token was refused.
    TokenRefused,
    /// Sessions were ended.
    SessionsEnded,
    /// A calendar address was created, and the one before it stopped working.
    CalendarRenewed,
    /// A sign-in on a device was approved.
    DeviceApproved,
    /// A sign-in on a device was denied.
    DeviceDenied,
    /// A device signed out.
    DeviceSignedOut,
    /// A device's token was deleted to make room for that of another device.
    TokenReplaced,
    /// A device's token was deleted because another computer has the same sign-in.
    DeviceCopied,
    /// A device's token was deleted because it was idle for too long.
    DeviceIdle,
    /// A device's token was deleted because it reached its maximum age.
    DeviceExpired,
    /// A repository was created on the page.
    RepositoryCreated,
    /// A repository was made public or private.
    RepositoryVisibility,
    /// A repository was shared with an account.
    RepositoryShared,
    /// An account's access to a repository was removed.
    RepositoryUnshared,
    /// A repository was removed from the list.
    RepositoryRemoved,
}

impl ActivityKind {
    /// All kinds, in the order of the filter.
    pub const ALL: [ActivityKind; 28] = [
        ActivityKind::SignedIn,
        ActivityKind::SignInFailed,
        ActivityKind::SignedOut,
        ActivityKind::PasswordChanged,
        ActivityKind::TwoFactorOn,
        ActivityKind::TwoFactorOff,
        ActivityKind::RecoveryCodesGenerated,
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
        ActivityKind::DeviceCopied,
        ActivityKind::DeviceIdle,
        ActivityKind::DeviceExpired,
        ActivityKind::RepositoryCreated,
        ActivityKind::RepositoryVisibility,
        ActivityKind::RepositoryShared,
        ActivityKind::RepositoryUnshared,
        ActivityKind::RepositoryRemoved,
    ];

    /// The name in the database, in URLs and in the locale files.
    pub const fn as_str(self) -> &'static str {
        match self {
            ActivityKind::SignedIn => "signed_in",
            ActivityKind::SignInFailed => "sign_in_failed",
            ActivityKind::SignedOut => "signed_out",
            ActivityKind::PasswordChanged => "password_changed",
            ActivityKind::TwoFactorOn => "two_factor_on",
            ActivityKind::TwoFactorOff => "two_factor_off",
            ActivityKind::RecoveryCodesGenerated => "recovery_codes_made",
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
            ActivityKind::DeviceCopied => "device_copied",
            ActivityKind::DeviceIdle => "device_idle",
            ActivityKind::DeviceExpired => "device_over",
            ActivityKind::RepositoryCreated => "repository_created",
            ActivityKind::RepositoryVisibility => "repository_visibility",
            ActivityKind::RepositoryShared => "repository_shared",
            ActivityKind::RepositoryUnshared => "repository_unshared",
            ActivityKind::RepositoryRemoved => "repository_removed",
        }
    }

    /// The kind with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
