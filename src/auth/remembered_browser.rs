//! The cookie of a browser that signed in before (OWASP calls it a device cookie). Failed sign-ins of such a browser
//! count separately, so that nobody can lock an owner out by guessing passwords elsewhere.

use axum_extra::extract::cookie::{Cookie, CookieJar};
use data_encoding::BASE64URL_NOPAD;
use dockpass_core::account::Account;
use dockpass_core::secret::random_base62;

use crate::config::Urls;
use crate::platform::encryption::Encryptor;
use crate::platform::rng::SystemRng;
use crate::web::cookies;

const COOKIE: &str = "dockpass_browser";
const ID_LENGTH: usize = 22;
/// The accounts that one browser is remembered for.
const MAX_ACCOUNTS: usize = 5;

/// A browser that signed in before, and to which accounts. The cookie is encrypted, so that nobody can forge one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedBrowser {
    id: String,
    accounts: Vec<String>,
}

impl RememberedBrowser {
    /// Reads the cookie; `None` for one that this server did not write.
    pub fn read(jar: &CookieJar, urls: &Urls, encryptor: &Encryptor) -> Option<Self> {
        let sealed = BASE64URL_NOPAD.decode(jar.get(&cookies::name(COOKIE, urls))?.value().as_bytes()).ok()?;
        let text = String::from_utf8(encryptor.unseal(COOKIE, &sealed).ok()?.to_vec()).ok()?;
        let mut parts = text.split(' ').map(str::to_owned);
        Some(Self { id: parts.next()?, accounts: parts.collect() })
    }

    /// A browser that nothing is remembered of yet.
    pub fn new(rng: SystemRng) -> Self {
        Self { id: random_base62(ID_LENGTH, &mut rng.generator()).to_string(), accounts: Vec::new() }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The account that signed in last.
    pub fn last_account(&self) -> Option<&str> {
        self.accounts.first().map(String::as_str)
    }

    pub fn is_of(&self, account_id: &str) -> bool {
        self.accounts.iter().any(|id| id == account_id)
    }

    pub fn remember(
        mut self,
        account: &Account,
        encryptor: &Encryptor,
        rng: SystemRng,
        urls: &Urls,
    ) -> Cookie<'static> {
        self.accounts.retain(|id| *id != account.id);
        self.accounts.insert(0, account.id.clone());
        self.accounts.truncate(MAX_ACCOUNTS);
        let text = [&[self.id][..], &self.accounts].concat().join(" ");
        let value = BASE64URL_NOPAD.encode(&encryptor.seal(COOKIE, text.as_bytes(), rng));
        cookies::long_lived(COOKIE, value, urls)
    }
}
