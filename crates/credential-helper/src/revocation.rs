//! What ends on the server when a sign-in ends here (RFC 7009).

use std::{fmt::Display, time::Duration};

use url::Url;

use crate::{
    credentials::{Entry, Secrets},
    discovery,
    host::Host,
    http::Http,
    oauth,
    secret::Secret,
};

/// A registry client must not wait long for a server that is away.
const BRIEF: Duration = Duration::from_secs(5);

/// What is to end on the server too, because it was made for this computer.
pub struct Ended {
    tokens: Vec<Secret>,
    revocation_endpoint: Option<Url>,
}

impl Ended {
    /// Nothing of what a person made: a personal access token stays.
    pub fn of(entry: Entry) -> Option<Self> {
        let Secrets { secret, refresh_token } = entry.secrets;
        // The refresh token first: it is the one that no refresh elsewhere has replaced.
        let tokens: Vec<Secret> =
            refresh_token.into_iter().chain(Some(secret).filter(Secret::is_auto_generated)).collect();
        let revocation_endpoint = entry.session.map(|session| session.revocation_endpoint);
        (!tokens.is_empty()).then_some(Self { tokens, revocation_endpoint })
    }
}

/// Ends tokens on the server; a sentence where that failed.
pub async fn end_on_server(http: &Http, host: &Host, ended: Ended) -> Option<String> {
    let endpoint = match ended.revocation_endpoint {
        Some(endpoint) => endpoint,
        None => match discovery::discover(http, host, BRIEF).await {
            Ok(server) => server.revocation_endpoint,
            Err(failure) => return Some(still_stands(failure)),
        },
    };
    let mut has_ended = false;
    for token in &ended.tokens {
        match oauth::revoke(http, &endpoint, token).await {
            Ok(()) => has_ended = true,
            // A session ends as one, by its refresh token or by its token.
            Err(_) if has_ended => {}
            Err(refusal) => return Some(still_stands(refusal.about(&discovery::name(&endpoint)))),
        }
    }
    None
}

/// What is said of a token that is forgotten here and could not be ended on the server.
pub fn still_stands(why: impl Display) -> String {
    format!("the token still stands on the server, where you can delete it: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Session;

    #[test]
    fn only_what_was_made_for_this_computer_ends_on_the_server() {
        let tokens = |secret: &str, refresh_token: Option<&str>| {
            let url: Url = "https://hub/".parse().unwrap();
            let session = refresh_token.map(|_| Session::begun(0, 1, url.clone(), url));
            let secrets = Secrets { secret: Secret::from(secret), refresh_token: refresh_token.map(Secret::from) };
            let ended = Ended::of(Entry { username: "alice".to_owned(), secrets, session });
            ended.map(|ended| ended.tokens.len())
        };
        assert_eq!(tokens("dp_dev_x", Some("dp_ref_x")), Some(2));
        assert_eq!(tokens("dp_dev_x", None), Some(1));
        assert_eq!(tokens("dp_pat_x", None), None);
    }
}
