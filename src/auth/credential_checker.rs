//! Checking passwords and second factors. Each wrong one counts towards a wait and goes into the security log.

use dockpass_core::account::Account;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::password::{Password, PasswordDigest};
use dockpass_core::timestamp::Timestamp;

use super::throttle::{AttemptSource, SignInAttempt, SignInVerdict};
use super::two_factor::actions as two_factor;
use crate::accounts::actions::{self as accounts, CheckedPassword, PasswordPurpose};
use crate::activity::actions::{self as activity, Failures};
use crate::error::Error;
use crate::platform::database::Db;
use crate::platform::encryption::Encryptor;
use crate::platform::password_hasher::{PasswordHasher, Requester};
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
    /// Checks the password of the account with this name. `account` is who has the name.
    pub async fn password(
        &self,
        username: &str,
        account: Option<&Account>,
        password: &str,
    ) -> Result<CheckedPassword, Error> {
        let attempt = SignInAttempt::new(username, account.map(|account| account.id.as_str()), &self.source);
        attempt.allowed(&self.db, &self.rate_limits, self.now).await?;
        let (purpose, requester) = (PasswordPurpose::Page, &attempt.requester);
        let checked = accounts::check_password(&self.db, &self.hasher, requester, password, purpose, self.now).await?;
        let verdict = match &checked {
            CheckedPassword::Wrong { .. } => SignInVerdict::Wrong,
            CheckedPassword::Right(account) if !account.has_second_factor => SignInVerdict::Right,
            CheckedPassword::Right(_) | CheckedPassword::Disabled(_) => SignInVerdict::RightSoFar,
        };
        attempt.settle(&self.db, &self.rate_limits, verdict, self.now).await?;
        match &checked {
            CheckedPassword::Right(_) => {}
            CheckedPassword::Disabled(account) => self.note_failure(Some(account), "disabled"),
            CheckedPassword::Wrong { account, .. } => self.note_failure(account.as_ref(), ""),
        }
        Ok(checked)
    }

    /// The password of who is signed in.
    pub async fn own_password(&self, account: &Account, password: &str) -> Result<Option<Account>, Error> {
        Ok(self.password(account.username.as_str(), Some(account), password).await?.right())
    }

    /// For whom slow work is done that is no attempt.
    pub fn requester(&self, account: &str) -> Requester {
        Requester::new(self.source.address, account)
    }

    /// Whether attackers try a new password early. That takes long, so it is counted first.
    pub async fn is_common(&self, password: &Password, username: &str) -> Result<bool, Error> {
        self.rate_limits.count_new_password(self.source.address).map_err(Error::TooMany)?;
        let (password, username) = (password.clone(), username.to_owned());
        self.hasher.run(&self.requester(&username), move |_| password.is_common(&username)).await
    }

    pub async fn hash(&self, password: Password, username: &str) -> Result<PasswordDigest, Error> {
        self.hasher.hash(&self.requester(username), password).await
    }

    pub async fn second_factor(&self, account: &Account, factor: SecondFactor<'_>) -> Result<Option<()>, Error> {
        let attempt = self.attempt(account);
        let is_right = match factor {
            SecondFactor::Code(code) => self.code(account, code, &attempt).await?,
            SecondFactor::RecoveryCode(code) => self.recovery_code(account, code, &attempt).await?,
        };
        if !is_right {
            self.note_failure(Some(account), "code");
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
        let (hasher, requester, origin) = (&self.hasher, &attempt.requester, &self.origin);
        let is_right =
            two_factor::spend_recovery_code(&self.db, hasher, requester, account, code, origin, self.now).await?;
        if !is_right {
            attempt.failed(&self.db, &self.rate_limits, self.now).await?;
        }
        Ok(is_right)
    }

    /// Neither the name as it was typed nor the secret goes into the log: people type one in the place of the other.
    fn note_failure(&self, account: Option<&Account>, detail: &str) {
        let username = account.map_or("", |account| account.username.as_str());
        tracing::info!(account = username, address = self.origin.address, detail, "a sign-in was refused");
        if let Some(account) = account {
            let kind = ActivityKind::SignInFailed;
            activity::note_failure(&self.failures, &account.id, kind, detail, &self.origin, self.now);
        }
    }
}
