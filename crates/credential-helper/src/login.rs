//! `login HOST`: a sign-in through the browser, on this computer or another one.

use std::path::{Path, PathBuf};

use crate::{
    browser,
    credentials::{self, Credentials, Entry, Secrets, Session, Storage},
    discovery::{self, Server},
    docker_config::{Change, DockerConfig},
    failure::Failure,
    files,
    host::Host,
    http::Http,
    keyring,
    oauth::{self, DeviceCode, Grant},
    place::Place,
    polling,
    revocation::{self, Ended},
    terminal::{one_line, say},
    verbs,
};

/// Signs in, keeps the token and tells docker.
pub async fn login(host: &Host, may_open_browser: bool, place: &Place, now: fn() -> i64) -> Result<(), Failure> {
    // What cannot be finished is not begun: nobody approves a sign-in for nothing.
    let (docker, folder) = (place.docker()?, place.data()?);
    DockerConfig::read(&docker)?;
    let (storage, reason) = where_to_keep(&folder).await?;
    let http = Http::default();
    let server = discovery::find(&http, host).await?;
    let name = discovery::name(&server.token_endpoint);
    let code = oauth::begin(&http, &server, &device_name()).await.map_err(|refusal| refusal.about(&name))?;
    show(host, &server, &code, may_open_browser)?;
    let grant = polling::wait(&http, &server, &code, host).await?;
    let username = grant.username.clone();
    let mut kept = keep(&http, host, &server, grant, &folder, storage, now()).await?;
    // All is done before anything is said: whoever stops listening keeps a sign-in that works.
    let told = tell_docker(&docker, &folder, host);
    let left = match kept.before.take() {
        Some(before) => revocation::end_on_server(&http, host, before).await,
        None => None,
    };
    say(&format!("signed in to {host} as {username}"))?;
    say(&place_in_words(&kept, reason))?;
    left.map_or(Ok(()), |sentence| say(&sentence))?;
    let by_hand = format!("the sign-in stands: put \"credHelpers\": {{\"{host}\": \"dockpass\"}} there yourself");
    told.map_err(|failure| Failure::said(format!("{failure}; {by_hand}")))?.iter().try_for_each(|line| say(line))
}

/// What was chosen at the first sign-in, as long as it can be used; else a choice. Before a person approves anything.
async fn where_to_keep(folder: &Path) -> Result<(Storage, Option<String>), Failure> {
    let credentials = Credentials::open(folder)?;
    match credentials.storage() {
        None => Ok(credentials::choose().await),
        Some(Storage::File) => Ok((Storage::File, None)),
        Some(Storage::Keyring) => match keyring::probe().await {
            Ok(()) => Ok((Storage::Keyring, None)),
            Err(reason) => Err(Failure::said(format!(
                "this computer keeps its sign-ins in the keyring, which cannot be used: {reason}"
            ))),
        },
    }
}

/// As the approving person will see it; the server decides how much of it to show.
fn device_name() -> String {
    one_line(&gethostname::gethostname().to_string_lossy())
}

/// The code and the address, also where the browser opens: RFC 8628 sections 3.3.1 and 5.4.
fn show(host: &Host, server: &Server, code: &DeviceCode, may_open_browser: bool) -> Result<(), Failure> {
    let origin = server.token_endpoint.origin();
    let links = [Some(&code.verification_uri), code.verification_uri_complete.as_ref()];
    // What a server says goes to a terminal and to a browser: only an address of its own does.
    if links.into_iter().flatten().any(|link| link.origin() != origin) || !is_user_code(&code.user_code) {
        return Err(Failure::said(format!(
            "{} answered with an odd code or address",
            discovery::name(&server.token_endpoint)
        )));
    }
    say(&format!("to sign in to {host}, open {} and enter the code {}", code.verification_uri, code.user_code))?;
    let direct = code.verification_uri_complete.as_ref();
    if let Some(direct) = direct {
        say(&format!("or open {direct} and compare the code"))?;
    }
    if may_open_browser && browser::open(direct.unwrap_or(&code.verification_uri)) {
        say("your browser opens")?;
    }
    Ok(())
}

fn is_user_code(code: &str) -> bool {
    (1..=32).contains(&code.len()) && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Where the token went, and what it took the place of.
struct Kept {
    storage: Storage,
    file: PathBuf,
    before: Option<Ended>,
}

/// Keeps a token. One that cannot be kept is given back, so that it does not take a slot of the account.
async fn keep(
    http: &Http,
    host: &Host,
    server: &Server,
    grant: Grant,
    folder: &Path,
    first: Storage,
    now: i64,
) -> Result<Kept, Failure> {
    let entry = Entry {
        username: grant.username,
        secrets: Secrets { secret: grant.access_token, refresh_token: Some(grant.refresh_token) },
        session: Some(Session::begun(
            now,
            grant.expires_in,
            server.token_endpoint.clone(),
            server.revocation_endpoint.clone(),
        )),
    };
    let kept = async {
        let mut credentials = Credentials::open(folder)?;
        // A former secret that the keyring does not give away ends by itself.
        let before = credentials.get(host).await.ok().flatten().and_then(Ended::of);
        credentials.put(host, entry.clone(), first).await?;
        let storage = credentials.storage().unwrap_or(first);
        Ok(Kept { storage, file: credentials.path().to_owned(), before })
    };
    match kept.await {
        Ok(kept) => Ok(kept),
        Err(failure) => {
            if let Some(ended) = Ended::of(entry) {
                revocation::end_on_server(http, host, ended).await;
            }
            Err(failure)
        }
    }
}

fn place_in_words(kept: &Kept, reason: Option<String>) -> String {
    match (kept.storage, reason) {
        (Storage::Keyring, _) => "the token is stored in your keyring".to_owned(),
        (Storage::File, Some(reason)) => format!("the token is stored in {} ({reason})", kept.file.display()),
        (Storage::File, None) => format!("the token is stored in {}", kept.file.display()),
    }
}

/// The file is read again: while a person approved, docker or another one of these programs may have written it.
fn tell_docker(docker: &Path, folder: &Path, host: &Host) -> Result<Vec<String>, Failure> {
    let lock = credentials::lock(folder)?;
    let config = DockerConfig::read(docker)?;
    let other = config.helper(host).filter(|helper| helper != "dockpass");
    let change = config.add(host)?;
    drop(lock);
    let path = config.path().display();
    let mut lines = vec![match change {
        Change::None => format!("docker asks this program for {host} already: {path}"),
        Change::Made => format!("docker asks this program for {host} from now on: {path}"),
        Change::Backup(backup) => {
            format!("docker asks this program for {host} from now on: {path} (as it was: {})", backup.display())
        }
    }];
    lines.extend(other.map(|other| format!("it asked docker-credential-{other} before")));
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| files::is_program(&folder.join(verbs::NAME))));
    if !on_path {
        lines.push(format!("{} is not on your PATH: put it there, or docker cannot find it", verbs::NAME));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_cannot_draw_on_the_terminal() {
        assert!(is_user_code("WDJB-MJHT"));
        for odd in ["", "A\u{1b}[2J", "A B", &"A".repeat(33)] {
            assert!(!is_user_code(odd), "{odd:?}");
        }
    }
}
