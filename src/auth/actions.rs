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
    pub db: Db,
    pub hasher: PasswordHasher,
    pub encryptor: Encryptor,
    pub rate_limits: RateLimits,
    pub failures: Failures,
    pub source: AttemptSource,
    pub origin: ClientInfo,
    pub now: Timestamp,
}

/// A second factor as it was typed. It has no `Debug`, so that no log can hold one.
#[derive(Clone, Copy)]
pub enum SecondFactor<'a> {
    Code(&'a str),
    RecoveryCode(&'a str),
}

impl CredentialChecker {
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
