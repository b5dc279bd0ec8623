//! `login HOST`: signs in through the browser, on this computer or another one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::credential_format::{DeviceSession, Storage, StoredSecrets};
use crate::credential_store::{Credential, CredentialStore, choose_storage};
use crate::discovery::{self, TokenServer};
use crate::docker_config::{ConfigChange, DockerConfig};
use crate::error::Error;
use crate::host::RegistryHost;
use crate::oauth::{self, DeviceCodeBody, TokenBody};
use crate::revocation::revoke;
use crate::terminal::{PROGRAM, print_line};
use crate::text::one_line;
use crate::{browser, files, keyring, paths, polling};

const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(15);

pub async fn login(host: &RegistryHost, may_open_browser: bool, now: fn() -> i64) -> Result<(), Error> {
    // Every check that needs no token comes before the person approves anything.
    let (docker_folder, folder) = (paths::docker_folder()?, paths::data_folder()?);
    DockerConfig::read(&docker_folder)?;
    let (storage, reason) = usable_storage(&folder).await?;
    let server = discovery::discover(host, DISCOVERY_TIMEOUT).await?;
    let origin = discovery::origin(&server.token_endpoint);
    let code = oauth::begin(&server, &device_name()).await.map_err(|error| error.about(&origin))?;
    show_code(host, &server, &code, may_open_browser)?;
    let token = polling::wait_for_approval(&server, &code, host).await?;
    let username = token.username.clone();
    let stored = store(host, &server, token, &folder, storage, now()).await?;
    // Everything is done before anything is printed: a closed output must not leave half a sign-in.
    let registered = register_with_docker(&docker_folder, &folder, host);
    let problem = match stored.replaced {
        Some(replaced) => revoke(replaced, host).await,
        None => None,
    };
    print_line(&format!("signed in to {host} as {username}"))?;
    print_line(&match (stored.storage, reason) {
        (Storage::Keyring, _) => "the token is stored in your keyring".to_owned(),
        (Storage::File, Some(reason)) => format!("the token is stored in {} ({reason})", stored.path.display()),
        (Storage::File, None) => format!("the token is stored in {}", stored.path.display()),
    })?;
    problem.map_or(Ok(()), |sentence| print_line(&sentence))?;
    let by_hand = format!("you are signed in anyway: add \"credHelpers\": {{\"{host}\": \"dockpass\"}} yourself");
    let lines = registered.map_err(|error| Error::message(format!("{error}; {by_hand}")))?;
    lines.iter().try_for_each(|line| print_line(line))
}

/// The storage that was chosen at the first sign-in, if it works, or a new choice.
async fn usable_storage(folder: &Path) -> Result<(Storage, Option<String>), Error> {
    let store = CredentialStore::open(folder)?;
    match store.storage() {
        None => Ok(choose_storage().await),
        Some(Storage::File) => Ok((Storage::File, None)),
        Some(Storage::Keyring) => match keyring::probe().await {
            Ok(()) => Ok((Storage::Keyring, None)),
            Err(reason) => Err(Error::message(format!(
                "this computer stores its credentials in the keyring, which cannot be used: {reason}"
            ))),
        },
    }
}

/// The name under which the person sees this computer.
fn device_name() -> String {
    one_line(&gethostname::gethostname().to_string_lossy())
}

/// Prints the code and the address, also where the browser opens (RFC 8628 sections 3.3.1 and 5.4).
fn show_code(
    host: &RegistryHost,
    server: &TokenServer,
    code: &DeviceCodeBody,
    may_open_browser: bool,
) -> Result<(), Error> {
    let origin = server.token_endpoint.origin();
    let links = [Some(&code.verification_uri), code.verification_uri_complete.as_ref()];
    // These go to a terminal and to a browser: the server may only send people to itself.
    if links.into_iter().flatten().any(|link| link.origin() != origin) || !is_user_code(&code.user_code) {
        return Err(Error::message(format!(
            "{} answers with an invalid code or address",
            discovery::origin(&server.token_endpoint)
        )));
    }
    print_line(&format!("to sign in to {host}, open {} and enter the code {}", code.verification_uri, code.user_code))?;
    let direct = code.verification_uri_complete.as_ref();
    if let Some(direct) = direct {
        print_line(&format!("or open {direct} and compare the code"))?;
    }
    if may_open_browser && browser::open(direct.unwrap_or(&code.verification_uri)) {
        print_line("opening your browser")?;
    }
    Ok(())
}

fn is_user_code(code: &str) -> bool {
    (1..=32).contains(&code.len()) && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

struct StoredToken {
    storage: Storage,
    path: PathBuf,
    replaced: Option<Credential>,
}

/// Stores a token, or revokes it where that fails, so that it takes no slot of the account.
async fn store(
    host: &RegistryHost,
    server: &TokenServer,
    token: TokenBody,
    folder: &Path,
    first_storage: Storage,
    now: i64,
) -> Result<StoredToken, Error> {
    let (token_endpoint, revocation_endpoint) = (server.token_endpoint.clone(), server.revocation_endpoint.clone());
    let credential = Credential {
        username: token.username,
        secrets: StoredSecrets { secret: token.access_token, refresh_token: Some(token.refresh_token) },
        session: Some(DeviceSession::new(now, token.expires_in, token_endpoint, revocation_endpoint)),
    };
    let stored = async {
        let mut store = CredentialStore::open(folder)?;
        // A former token that the keyring does not give expires by itself.
        let replaced = store.get(host).await.ok().flatten();
        store.put(host, credential.clone(), first_storage).await?;
        let storage = store.storage().unwrap_or(first_storage);
        Ok(StoredToken { storage, path: store.path().to_owned(), replaced })
    };
    let stored = stored.await;
    if stored.is_err() {
        revoke(credential, host).await;
    }
    stored
}

/// Makes docker ask this program for the host; returns what to print.
fn register_with_docker(docker_folder: &Path, folder: &Path, host: &RegistryHost) -> Result<Vec<String>, Error> {
    let lock = files::lock(folder)?;
    // Read again: docker or another process may have written the file during the wait.
    let config = DockerConfig::read(docker_folder)?;
    let former_helper = config.helper(host).filter(|helper| helper != "dockpass");
    let change = config.add(host)?;
    drop(lock);
    let path = config.path().display();
    let mut lines = vec![match change {
        ConfigChange::Unchanged => format!("docker already uses this program for {host}: {path}"),
        ConfigChange::Created => format!("docker now uses this program for {host}: {path}"),
        ConfigChange::Updated(backup) => {
            format!("docker now uses this program for {host}: {path} (backup: {})", backup.display())
        }
    }];
    lines.extend(former_helper.map(|helper| format!("before, docker used docker-credential-{helper}")));
    let mut command = Command::new(PROGRAM);
    let command = command.arg("version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if command.status().is_err() {
        lines.push(format!("{PROGRAM} is not on your PATH: put it there, or docker cannot find it"));
    }
    Ok(lines)
}
