//! The entries of an account's security log.

use crate::named::named_enum;

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ClientInfo {
    pub address: String,
    pub client: String,
}

/// What equal failures have in common. The program is not part of it: a client that names another one each time would
/// fill the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FailureKey {
    pub account_id: String,
    pub kind: ActivityKind,
    /// A token's description and the refusal's code, or nothing.
    pub detail: String,
    pub address: String,
}

named_enum! {
    /// The kind of a log entry.
    enum ActivityKind {
        SignedIn = "signed_in",
        SignInFailed = "sign_in_failed",
        /// A registry client signed in with the password.
        PasswordUsed = "password_used",
        SignedOut = "signed_out",
        PasswordChanged = "password_changed",
        TwoFactorOn = "two_factor_on",
        TwoFactorOff = "two_factor_off",
        RecoveryCodesGenerated = "recovery_codes_made",
        RecoveryCodeUsed = "recovery_code_used",
        TokenCreated = "token_created",
        TokenEdited = "token_edited",
        TokenActivated = "token_activated",
        TokenDeactivated = "token_deactivated",
        TokenDeleted = "token_deleted",
        TokenRefused = "token_refused",
        SessionsEnded = "sessions_ended",
        CalendarRenewed = "calendar_renewed",
        CalendarRemoved = "calendar_removed",
        DeviceApproved = "device_approved",
        DeviceDenied = "device_denied",
        DeviceSignedOut = "device_signed_out",
        TokenReplaced = "token_replaced",
        DeviceCopied = "device_copied",
        DeviceIdle = "device_idle",
        DeviceExpired = "device_over",
        RepositoryCreated = "repository_created",
        RepositoryVisibility = "repository_visibility",
        RepositoryShared = "repository_shared",
        RepositoryUnshared = "repository_unshared",
        RepositoryRemoved = "repository_removed",
        AccountCreated = "account_created",
        AccountDisabled = "account_disabled",
        AccountEnabled = "account_enabled",
        PasswordLinkCreated = "password_link_created",
    }
}
