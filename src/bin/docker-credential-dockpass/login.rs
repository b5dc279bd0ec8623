//! `login HOST`: a sign-in through the browser, on this computer or another one.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    browser,
    credentials::{self, Credentials, Entry, Secrets, Session, Storage},
    discovery::{self, Server},
    docker_config::{Change, DockerConfig},
    failure::Failure,
    files,
    host::Host,
    http::{Http, Trouble},
    oauth::{self, DeviceCode, Grant, Refusal},
    place::Place,
    progress::Progress,
    revocation::{self, Ended},
    terminal::{one_line, say},
    verbs,
};

/// RFC 8628 section 3.5: for good, with every `slow_down`.
const SLOWER: Duration = Duration::from_secs(5);
/// Failures alone make no pause longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// No code lives longer, whatever a server says.
const LONGEST_SIGN_IN: u64 = 3600;

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
    let grant = wait(&http, &server, &code, host).await?;
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

/// What was chosen at the first sign-in, else a choice: it is made before a person approves anything.
async fn where_to_keep(folder: &Path) -> Result<(Storage, Option<String>), Failure> {
    let credentials = Credentials::open(folder)?;
    match credentials.storage() {
        Some(storage) => Ok((storage, None)),
        None => Ok(credentials::choose().await),
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

/// Asks until there is an answer (RFC 8628 section 3.5).
async fn wait(http: &Http, server: &Server, code: &DeviceCode, host: &Host) -> Result<Grant, Failure> {
    let deadline = Instant::now() + Duration::from_secs(code.expires_in.min(LONGEST_SIGN_IN));
    let mut progress = Progress::until(deadline);
    let mut rhythm = Rhythm::new(code.interval);
    let outcome = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Err(expired(host));
        }
        progress.wait(rhythm.pause().min(left)).await;
        match oauth::poll(http, server, &code.device_code).await {
            Ok(grant) => break Ok(grant),
            Err(refusal) => {
                if let Some(failure) = rhythm.after(&refusal, server, host) {
                    break Err(failure);
                }
            }
        }
    };
    progress.end();
    outcome
}

fn expired(host: &Host) -> Failure {
    Failure::said(format!("the code ended before it was approved: run docker-credential-dockpass login {host} again"))
}

/// The pauses between the questions.
#[derive(Debug)]
struct Rhythm {
    interval: Duration,
    /// Doubled with every failure to reach the server, until it answers again.
    backoff: u32,
    /// What the server asked for, once.
    at_least: Duration,
}

impl Rhythm {
    fn new(interval: u64) -> Self {
        Self { interval: Duration::from_secs(interval.max(1)), backoff: 1, at_least: Duration::ZERO }
    }

    fn pause(&self) -> Duration {
        let backoff = self.interval.saturating_mul(self.backoff).min(LONGEST_BACKOFF);
        backoff.max(self.interval).max(self.at_least)
    }

    /// Learns from a refusal; a sentence where there is nothing more to wait for.
    fn after(&mut self, refusal: &Refusal, server: &Server, host: &Host) -> Option<Failure> {
        self.at_least = Duration::ZERO;
        match refusal {
            Refusal::Trouble(Trouble::TimedOut | Trouble::Unreachable(_)) => {
                self.backoff = self.backoff.saturating_mul(2);
                return None;
            }
            Refusal::Limited(time) => self.at_least = time.unwrap_or(self.interval * 2),
            Refusal::Code(code, _) => match code.as_str() {
                "authorization_pending" => {}
                "slow_down" => self.interval += SLOWER,
                "access_denied" => return Some(Failure::said(format!("the sign-in to {host} was denied"))),
                "expired_token" => return Some(expired(host)),
                _ => return Some(refusal.about(&discovery::name(&server.token_endpoint))),
            },
        }
        self.backoff = 1;
        None
    }
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

    fn server() -> Server {
        let url: url::Url = "https://hub/".parse().unwrap();
        Server { device_authorization_endpoint: url.clone(), token_endpoint: url.clone(), revocation_endpoint: url }
    }

    fn code(code: &str) -> Refusal {
        Refusal::Code(code.to_owned(), String::new())
    }

    /// The pauses after these refusals, and the sentence that ended it.
    fn pauses(interval: u64, refusals: &[Refusal]) -> (Vec<u64>, Option<String>) {
        let (mut rhythm, host, mut pauses) = (Rhythm::new(interval), Host::parse("hub").unwrap(), Vec::new());
        for refusal in refusals {
            if let Some(failure) = rhythm.after(refusal, &server(), &host) {
                return (pauses, Some(failure.to_string()));
            }
            pauses.push(rhythm.pause().as_secs());
        }
        (pauses, None)
    }

    #[test]
    fn slow_down_slows_for_good() {
        let refusals =
            [code("authorization_pending"), code("slow_down"), code("authorization_pending"), code("slow_down")];
        assert_eq!(pauses(5, &refusals), (vec![5, 10, 10, 15], None));
    }

    #[test]
    fn a_server_that_does_not_answer_is_asked_ever_more_seldom_until_it_does() {
        let away = || Refusal::Trouble(Trouble::TimedOut);
        let refusals = [away(), away(), away(), away(), away(), code("authorization_pending")];
        assert_eq!(pauses(5, &refusals), (vec![10, 20, 40, 60, 60, 5], None));
    }

    #[test]
    fn what_the_server_asks_for_is_kept_however_long() {
        let refusals =
            [code("authorization_pending"), code("slow_down"), Refusal::Limited(Some(Duration::from_secs(300)))];
        assert_eq!(pauses(90, &refusals), (vec![90, 95, 300], None));
    }

    #[test]
    fn a_limit_is_kept_once() {
        let refusals =
            [Refusal::Limited(Some(Duration::from_secs(30))), code("authorization_pending"), Refusal::Limited(None)];
        assert_eq!(pauses(5, &refusals), (vec![30, 5, 10], None));
    }

    #[test]
    fn every_other_code_ends_the_waiting_with_a_sentence() {
        for (error, said) in [
            ("access_denied", "the sign-in to hub was denied"),
            ("expired_token", "the code ended before it was approved: run docker-credential-dockpass login hub again"),
            ("invalid_grant", "https://hub refused: invalid_grant"),
            ("invalid_client", "https://hub refused: invalid_client"),
            ("anything_else", "https://hub refused: anything_else"),
        ] {
            assert_eq!(pauses(5, &[code(error)]), (vec![], Some(said.to_owned())));
        }
    }

    #[test]
    fn a_user_code_cannot_draw_on_the_terminal() {
        assert!(is_user_code("WDJB-MJHT"));
        for odd in ["", "A\u{1b}[2J", "A B", &"A".repeat(33)] {
            assert!(!is_user_code(odd), "{odd:?}");
        }
    }
}
