//! Checking passwords and second factors. Each wrong one counts towards a wait and goes into the security log.

use dockpass_core::account::Account;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::password::Password;
use dockpass_core::timestamp::Timestamp;

use super::throttle::{AttemptSource, SignInAttempt, SignInVerdict};
use super::two_factor::actions as two_factor;
use crate::accounts::actions::{self as accounts, PasswordPurpose, VerifiedPassword};
use crate::activity::actions::{self as activity, Failures};
use crate::error::Error;
use crate::platform::database::Db;
use crate::platform::encryption::Encryptor;
use crate::platform::password_hasher::PasswordHasher;
use crate::platform::rate_limits::RateLimits;

/// What it takes to check the password or the second factor that came with a request.
#[derive(Debug)]
pub struct CredentialChecker {
    /// The database.
    pub db: Db,
    /// Compares passwords and recovery codes.
    pub hasher: PasswordHasher,
    /// Decrypts authenticator secrets.
    pub encryptor: Encryptor,
    /// The limits per address.
    pub rate_limits: RateLimits,
    /// Where failures are collected for the security log.
    pub failures: Failures,
    /// Where the attempts count.
    pub source: AttemptSource,
    /// Address and program, for the security log.
    pub origin: ClientInfo,
    /// The time of the request.
    pub now: Timestamp,
}

/// A second factor as it was typed. It has no `Debug`, so that no log can hold one.
#[derive(Clone, Copy)]
pub enum SecondFactor<'a> {
    /// A code of the authenticator app.
    Code(&'a str),
    /// A recovery code.
    RecoveryCode(&'a str),
}

impl CredentialChecker {
    /// The account with this name and password; `account_id` is the id that belongs to the name, if any.
    ///
    /// # Errors
    /// [`Error::TooMany`] for a source that must wait; [`Error::Unavailable`] for too many passwords at once.
    pub async fn password(
        &self,
        username: &str,
        account_id: Option<&str>,
        password: &str,
    ) -> Result<Option<VerifiedPassword>, Error> {
        let attempt = SignInAttempt::new(username, account_id, &self.source);
        attempt.allowed(&self.db, &self.rate_limits, self.now).await?;
        let password = Password::typed(password);
        let verified =
            accounts::check_password(&self.db, &self.hasher, username, password, PasswordPurpose::Page).await?;
        let verdict = match &verified {
            None => SignInVerdict::Wrong,
            Some(verified) if verified.account.has_second_factor => SignInVerdict::RightSoFar,
            Some(_) => SignInVerdict::Right,
        };
        attempt.settle(&self.db, &self.rate_limits, verdict, self.now).await?;
        if let (None, Some(id)) = (&verified, account_id) {
            self.note_failure(id, "");
        }
        Ok(verified)
    }

    /// Whether this is the account's second factor. A right one is spent.
    ///
    /// # Errors
    /// [`Error::TooMany`] for a source that must wait; [`Error::Unavailable`] for too many recovery codes at once;
    /// [`Error::Internal`] for a wrong secret key file.
    pub async fn second_factor(&self, account: &Account, factor: SecondFactor<'_>) -> Result<Option<()>, Error> {
        let attempt = self.attempt(account);
        let is_right = match factor {
            SecondFactor::Code(code) => self.code(account, code, &attempt).await?,
            SecondFactor::RecoveryCode(code) => self.recovery_code(account, code, &attempt).await?,
        };
        if !is_right {
            self.note_failure(&account.id, "code");
        }
        Ok(is_right.then_some(()))
    }

    /// Forgets the failed attempts of this source, after every factor was right.
    pub async fn forget_failures(&self, account: &Account) -> Result<(), Error> {
        self.attempt(account).forget_failures(&self.db).await
    }

    fn attempt(&self, account: &Account) -> SignInAttempt {
        SignInAttempt::new(account.username.as_str(), Some(&account.id), &self.source)
    }

    /// Runs attempts for one account one after the other: a code has a million values and costs no slow hash, so that
    /// many at once must not all be checked before the first of them is counted.
    async fn code(&self, account: &Account, code: &str, attempt: &SignInAttempt) -> Result<bool, Error> {
        let mut tx = self.db.write().await?;
        two_factor::lock(&mut tx, account).await?;
        attempt.allowed_in(&mut tx, &self.rate_limits, self.now).await?;
        let is_right = two_factor::accept_code(&mut tx, account, code, &self.encryptor, self.now).await?;
        if !is_right {
            attempt.failed_in(&mut tx, &self.rate_limits, self.now).await?;
        }
        tx.commit().await?;
        Ok(is_right)
    }

    async fn recovery_code(&self, account: &Account, code: &str, attempt: &SignInAttempt) -> Result<bool, Error> {
        attempt.allowed(&self.db, &self.rate_limits, self.now).await?;
        let is_right =
            two_factor::spend_recovery_code(&self.db, &self.hasher, account, code, &self.origin, self.now).await?;
        if !is_right {
            attempt.failed(&self.db, &self.rate_limits, self.now).await?;
        }
        Ok(is_right)
    }

    fn note_failure(&self, account_id: &str, detail: &str) {
        let kind = ActivityKind::SignInFailed;
        activity::note_failure(&self.failures, account_id, kind, detail, &self.origin, self.now);
    }
}
