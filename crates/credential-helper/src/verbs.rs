//! What registry clients ask of a credential helper, and `logout`.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    credentials::{self, Credentials, Entry, Secrets, Session},
    discovery,
    docker_config::{Change, DockerConfig},
    failure::Failure,
    host::{Host, listed},
    http::Http,
    oauth::{self, Grant, Refusal},
    place::Place,
    revocation::{Ended, end_on_server, still_stands},
    secret::Secret,
    terminal::{say, warn},
};

/// The program's file name, as clients look for it.
pub const NAME: &str = "docker-credential-dockpass";
/// A token is renewed when it is a day old,
const DAY: i64 = 24 * 60 * 60;
/// and after a failure not before this time has passed: within the minute that a replaced token lives on, should only
/// the answer have been lost.
const REST: i64 = 30;

/// What docker writes and reads.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialsBody {
    #[serde(rename = "ServerURL", default)]
    server_url: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: Secret,
}

/// `get`: the user name and a token that works, renewed where that is due.
pub async fn get(host: &Host, folder: &Path, now: i64) -> Result<(), Failure> {
    let Some(mut credentials) = Credentials::read_if_there(folder)? else { return Err(Failure::NotFound) };
    let mut entry = credentials.get(host).await?.ok_or(Failure::NotFound)?;
    // A renewed token that cannot be written down would be lost, and the one that is kept would end.
    if let Some((endpoint, token)) = due(&entry, now).filter(|_| credentials.is_locked()) {
        match oauth::refresh(&Http::default(), &endpoint, &token).await {
            Ok(grant) => {
                entry = renewed(entry, grant, now);
                let storage = credentials.storage().unwrap_or(credentials::Storage::File);
                if let Err(failure) = credentials.put(host, entry.clone(), storage).await {
                    // It works all the same; the next call renews it again.
                    warn(failure);
                }
            }
            Err(Refusal::Code(code, _)) if code == "invalid_grant" => {
                credentials.expire(host).await?;
                return Err(Failure::Expired { host: host.to_string() });
            }
            Err(refusal) => {
                // A token or an account that was switched off can be switched on again: the sign-in stays, and the
                // registry client gets the reason from the registry.
                if matches!(&refusal, Refusal::Code(code, _) if code == "access_denied") {
                    warn(refusal.about(&discovery::name(&endpoint)));
                }
                credentials.rest(host, now + REST).unwrap_or_default();
            }
        }
    }
    drop(credentials);
    let (username, secret) = (entry.username, entry.secrets.secret);
    let body = CredentialsBody { server_url: host.to_string(), username, secret };
    let text = serde_json::to_string(&body).map(Zeroizing::new);
    say(&text.map_err(|_| Failure::said("the credentials cannot be written as JSON"))?)
}

/// Where and by what a token is to be renewed: after a day, or half its life if that is shorter.
fn due(entry: &Entry, now: i64) -> Option<(Url, Secret)> {
    let (session, token) = (entry.session.as_ref()?, entry.secrets.refresh_token.as_ref()?);
    let age = now - session.issued_at;
    let limit = DAY.min(i64::try_from(session.expires_in / 2).unwrap_or(DAY));
    // A clock that was set back tells nothing about the age.
    let is_due = age >= limit || age < 0;
    let rests = (now..=now + REST).contains(&session.rests_until) && session.rests_until > now;
    (is_due && !rests).then(|| (session.token_endpoint.clone(), token.clone()))
}

fn renewed(entry: Entry, grant: Grant, now: i64) -> Entry {
    let session = entry.session.map(|session| Session {
        issued_at: now,
        expires_in: grant.expires_in,
        rests_until: 0,
        replaced: Some(entry.secrets.secret.fingerprint()),
        ..session
    });
    let secrets = Secrets { secret: grant.access_token, refresh_token: Some(grant.refresh_token) };
    Entry { username: grant.username, secrets, session }
}

/// `store`: what `docker login` was given.
pub async fn store(input: &str, folder: &Path) -> Result<(), Failure> {
    // serde's own words could quote the secret.
    let body: CredentialsBody =
        serde_json::from_str(input).map_err(|_| Failure::said("the credentials on standard input are not JSON"))?;
    let host = Host::parse(&body.server_url)?;
    if body.username.is_empty() {
        return Err(Failure::NoUsername);
    }
    let CredentialsBody { username, secret, .. } = body;
    let mut credentials = Credentials::open(folder)?;
    let before = credentials.get(&host).await.ok().flatten();
    if before.as_ref().is_some_and(|before| is_the_sessions_own(before, &username, &secret)) {
        return Ok(());
    }
    let first = match credentials.storage() {
        Some(storage) => storage,
        None => {
            let (storage, reason) = credentials::choose().await;
            let path = credentials.path().display();
            match reason {
                Some(reason) => warn(format!("credentials are stored in {path} ({reason})")),
                None => warn("credentials are stored in your keyring"),
            }
            storage
        }
    };
    let secrets = Secrets { secret, refresh_token: None };
    credentials.put(&host, Entry { username, secrets, session: None }, first).await?;
    drop(credentials);
    if let Some(ended) = before.and_then(Ended::of)
        && let Some(sentence) = end_on_server(&Http::default(), &host, ended).await
    {
        warn(sentence);
    }
    Ok(())
}

/// `docker login` stores again what `get` gave it, and meanwhile another program may have renewed it: the session
/// stays, with what renews it. A token from elsewhere takes its place, as any other secret does.
fn is_the_sessions_own(before: &Entry, username: &str, secret: &Secret) -> bool {
    let replaced = before.session.as_ref().and_then(|session| session.replaced.as_ref());
    let is_own = before.secrets.secret == *secret || replaced.is_some_and(|replaced| *replaced == secret.fingerprint());
    before.username == username && is_own
}

/// `erase`. What is not there is erased already: podman 4 and skopeo 1.9 crash when a helper says otherwise.
pub async fn erase(host: &Host, folder: &Path) -> Result<(), Failure> {
    let Forgotten { left, .. } = forget(host, folder).await?;
    left.iter().for_each(warn);
    Ok(())
}

/// `logout HOST`: `erase`, and docker is told.
pub async fn logout(host: &Host, place: &Place) -> Result<(), Failure> {
    let folder = place.data()?;
    let Forgotten { was_there, left } = forget(host, &folder).await?;
    left.iter().try_for_each(|sentence| say(sentence))?;
    let stands = |failure: Failure| match was_there {
        true => Failure::said(format!("{failure}; the sign-out stands")),
        false => failure,
    };
    untell_docker(host, &folder, place).map_err(stands)?;
    match was_there {
        true => say(&format!("signed out of {host}")),
        false => say(&format!("there was no sign-in to {host}")),
    }
}

fn untell_docker(host: &Host, folder: &Path, place: &Place) -> Result<Change, Failure> {
    let _lock = credentials::lock(folder)?;
    DockerConfig::read(&place.docker()?)?.remove(host)
}

/// `list`: hosts and user names.
pub fn list(folder: &Path) -> Result<(), Failure> {
    let credentials = Credentials::read_if_there(folder)?;
    let hosts = credentials.as_ref().map(Credentials::list).unwrap_or_default();
    let hosts: BTreeMap<&str, &str> = hosts.into_iter().map(|(host, name)| (listed(host), name)).collect();
    say(&serde_json::to_string(&hosts).map_err(|_| Failure::said("the hosts cannot be written as JSON"))?)
}

/// What came of forgetting a host.
#[derive(Default)]
struct Forgotten {
    was_there: bool,
    /// What could not be done, in sentences.
    left: Vec<String>,
}

/// Forgets a host here, then on the server.
async fn forget(host: &Host, folder: &Path) -> Result<Forgotten, Failure> {
    let Some(mut credentials) = Credentials::open_if_there(folder)? else { return Ok(Forgotten::default()) };
    let was_there = credentials.list().contains_key(host.key().as_str());
    let has_session = credentials.has_session(host);
    let entry = credentials.get(host).await;
    let kept = credentials.remove(host).await?;
    // The server may take its time; other programs need not wait for it.
    drop(credentials);
    let kept = kept.map(|reason| format!("the token for {host} is still in the keyring: {reason}"));
    let stands = match entry {
        Ok(Some(entry)) => match Ended::of(entry) {
            Some(ended) => end_on_server(&Http::default(), host, ended).await,
            None => None,
        },
        // Without its secret nothing can end it there.
        Ok(None) => has_session.then(|| still_stands("it is not in the keyring any more")),
        Err(failure) => has_session.then(|| still_stands(failure)),
    };
    Ok(Forgotten { was_there, left: kept.into_iter().chain(stands).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn entry(age: i64, expires_in: u64, rests_until: i64) -> Entry {
        let url: Url = "https://hub/".parse().unwrap();
        let session = Session { rests_until, ..Session::begun(NOW - age, expires_in, url.clone(), url) };
        let secrets = Secrets { secret: Secret::from("dp_dev_x"), refresh_token: Some(Secret::from("dp_ref_x")) };
        Entry { username: "alice".to_owned(), secrets, session: Some(session) }
    }

    #[test]
    fn a_token_is_due_after_a_day_or_half_its_life() {
        let month = 30 * 86_400;
        for (age, expires_in, is_due) in [
            (0, month, false),
            (86_399, month, false),
            (86_400, month, true),
            (1_799, 3_600, false),
            (1_800, 3_600, true),
            (0, 0, true),
            (86_400, u64::MAX, true),
            (-1, month, true),
        ] {
            assert_eq!(due(&entry(age, expires_in, 0), NOW).is_some(), is_due, "{age} of {expires_in}");
        }
    }

    #[test]
    fn after_a_failure_it_rests_but_never_for_long() {
        for (rests_until, is_due) in
            [(NOW + 30, false), (NOW + 1, false), (NOW, true), (NOW - 5, true), (NOW + 31, true)]
        {
            assert_eq!(due(&entry(86_400, 3_600, rests_until), NOW).is_some(), is_due, "{rests_until}");
        }
    }

    #[test]
    fn what_docker_login_stored_is_never_due() {
        let stored = Entry { session: None, ..entry(86_400, 3_600, 0) };
        assert!(due(&stored, NOW).is_none());
    }

    #[test]
    fn a_session_survives_what_get_gave_being_stored_again() {
        let before = entry(86_400, 3_600, 0);
        let grant = Grant {
            access_token: Secret::from("dp_dev_y"),
            expires_in: 3_600,
            refresh_token: Secret::from("dp_ref_x"),
            username: "alice".to_owned(),
        };
        let after = renewed(before.clone(), grant, NOW);
        for (entry, name, secret, is_own) in [
            (&before, "alice", "dp_dev_x", true),
            (&before, "alice", "dp_dev_y", false),
            (&before, "alice", "dp_pat_x", false),
            (&before, "bob", "dp_dev_x", false),
            (&after, "alice", "dp_dev_y", true),
            (&after, "alice", "dp_dev_x", true),
            (&after, "alice", "dp_dev_elsewhere", false),
            (&after, "bob", "dp_dev_x", false),
        ] {
            assert_eq!(is_the_sessions_own(entry, name, &Secret::from(secret)), is_own, "{name} {secret}");
        }
    }
}
