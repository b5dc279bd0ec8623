//! Whatever one server knows, the other knows too: through nginx, which sends each request to the next one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dockpass::platform::database::{DatabaseLocation, Db};
use reqwest::StatusCode;
use tokio::time::{sleep, timeout};

use crate::harness::callers::all_at_once;
use crate::harness::device::Got;
use crate::harness::program::Program;
use crate::harness::{Answer, Browser, PASSWORD, database};
use crate::nginx::Site;

const MOST_TOKENS: usize = 12;

/// The two servers behind nginx, on one database.
async fn start() -> (Site, Vec<Program>) {
    let site = Site::start();
    site.account("alice");
    let most = MOST_TOKENS.to_string();
    let limits = ["--max-tokens", most.as_str(), "--token-creations-per-hour", "1000"];
    let servers = vec![site.server(0, &limits), site.server(1, &limits)];
    (site, servers)
}

async fn count(site: &Site, query: &str) -> i64 {
    let db = Db::open_as_it_is(&site.postgres.url().parse::<DatabaseLocation>().unwrap()).await.unwrap();
    let count = database::number(&db, query).await.unwrap_or_default();
    db.close().await;
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn both_are_one() {
    let (site, servers) = start().await;
    let alice = Arc::new(site.signed_in("alice").await);
    sessions(&site, &alice).await;
    limits(&site, &alice).await;
    tokens(&site, &servers, &alice).await;
    device_codes(&site, &alice).await;
    keys(&site, &servers).await;
    // The last one, because it shuts this address out.
    throttle(&site, &servers).await;
}

async fn sessions(site: &Site, alice: &Browser) {
    let mut answered = BTreeSet::new();
    for _ in 0..6 {
        let page = alice.get("/settings/tokens").await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        answered.insert(page.header("x-upstream").to_owned());
    }
    assert_eq!(answered.len(), 2, "both servers answered: {answered:?}");
    let other = site.signed_in("alice").await;
    assert_eq!(other.post("/logout", &[]).await.status, StatusCode::SEE_OTHER);
    for _ in 0..4 {
        assert_eq!(other.get("/settings/tokens").await.status, StatusCode::SEE_OTHER);
        assert_eq!(alice.get("/settings/tokens").await.status, StatusCode::OK);
    }
}

/// A machine that is too busy for forty forms at once answers some of them with 503, and nothing happens to those.
async fn limits(site: &Site, alice: &Arc<Browser>) {
    let tokens = async || count(site, "SELECT COUNT(*) FROM token").await as usize;
    let generate = |key: String| {
        let alice = Arc::clone(alice);
        async move {
            let form =
                [("form_key", key.as_str()), ("description", "x"), ("expiration", "30"), ("permission", "repo:read")];
            alice.post("/settings/tokens", &form).await.status
        }
    };
    // One form that is posted to both.
    let key = alice.form_key().await;
    let answers = all_at_once(|_| generate(key.clone())).await;
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{answers:?}");
    let are = |answers: &[StatusCode], expected: [StatusCode; 2]| {
        let others = answers.iter().filter(|status| !expected.contains(status));
        assert!(others.clone().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE), "{answers:?}");
    };
    are(&answers, [StatusCode::OK, StatusCode::CONFLICT]);
    assert_eq!(tokens().await, 1);
    let mut keys = Vec::new();
    for _ in 0..answers.len() {
        keys.push(alice.form_key().await);
    }
    let answers = all_at_once(|number| generate(keys[number].clone())).await;
    are(&answers, [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS]);
    let generated = answers.iter().filter(|status| **status == StatusCode::OK).count();
    assert!(tokens().await == 1 + generated && generated < MOST_TOKENS, "{answers:?}");
    while generate(alice.form_key().await).await == StatusCode::OK {
        assert!(tokens().await <= MOST_TOKENS);
    }
    assert_eq!(tokens().await, MOST_TOKENS);
}

/// A deleted token is dead at once, and the uses that both servers saw become one line.
async fn tokens(site: &Site, servers: &[Program], alice: &Browser) {
    let db = Db::open_as_it_is(&site.postgres.url().parse::<DatabaseLocation>().unwrap()).await.unwrap();
    let first = database::texts(&db, "SELECT id FROM token LIMIT 1").await.remove(0);
    db.close().await;
    let delete = async |id: &str| alice.post(&format!("/settings/tokens/{id}/delete"), &[]).await.status;
    assert_eq!(delete(&first).await, StatusCode::SEE_OTHER);
    let token = alice.generate("ci", "repo:read", "30").await;
    let uses = async || {
        let mut statuses = BTreeSet::new();
        for server in servers {
            for _ in 0..5 {
                let answer = server.browser().token("alice", &token.secret, &["repository:alice/app:pull"]).await;
                statuses.insert(answer.status.as_u16());
            }
        }
        statuses
    };
    assert_eq!(uses().await, BTreeSet::from([200]));
    let sum = format!("SELECT CAST(SUM(times) AS BIGINT) FROM token_use WHERE token_id = '{}'", token.id);
    timeout(Duration::from_secs(30), async {
        while count(site, &sum).await != 10 {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("both journals are written");
    let day = format!("SELECT CAST(SUM(pulls) AS BIGINT) FROM token_day WHERE token_id = '{}'", token.id);
    assert_eq!(count(site, &day).await, 10);
    let off = alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    assert_eq!(off.status, StatusCode::SEE_OTHER);
    assert_eq!(uses().await, BTreeSet::from([401]));
    alice.post(&format!("/settings/tokens/{}/activate", token.id), &[]).await;
    assert_eq!(uses().await, BTreeSet::from([200]));
    assert_eq!(delete(&token.id).await, StatusCode::SEE_OTHER);
    assert_eq!(uses().await, BTreeSet::from([401]));
}

async fn device_codes(site: &Site, alice: &Arc<Browser>) {
    let program = Arc::new(Browser::at(&site.base));
    let codes = program.begin("laptop").await;
    let approved = alice.decide(&codes, "approve").await;
    assert!(approved.body.contains("Approved"), "{}", approved.body);
    let polls = all_at_once(|_| {
        let (program, codes) = (Arc::clone(&program), codes.clone());
        async move { program.poll(&codes).await }
    });
    let got: Vec<Answer> = polls.await.into_iter().filter(|answer| answer.status == StatusCode::OK).collect();
    assert_eq!(got.len(), 1, "one client gets the token");
    let got = Got::of(&got[0]);
    // Each server derives the same pair from the same refresh token.
    let pairs = all_at_once(|_| {
        let (program, refresh) = (Arc::clone(&program), got.refresh.clone());
        async move {
            let got = Got::of(&program.refresh(&refresh).await);
            (got.token, got.refresh)
        }
    });
    assert_eq!(pairs.await.into_iter().collect::<BTreeSet<_>>().len(), 1);
}

async fn keys(site: &Site, servers: &[Program]) {
    let kid = |answer: &Answer| {
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        let header = data_encoding::BASE64URL_NOPAD.decode(token.split('.').next().unwrap().as_bytes()).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
        (header["kid"].as_str().unwrap().to_owned(), token)
    };
    let signed = async || {
        let mut all = Vec::new();
        for server in servers {
            all.push(kid(&server.browser().get("/token?service=dockpass").await));
        }
        all
    };
    let believed = async |tokens: &[(String, String)]| {
        for (server, (_, token)) in servers.iter().zip(tokens.iter().rev()) {
            let bearer = format!("Bearer {token}");
            let answer = server.browser().get_with("/v2/", &[("authorization", &bearer)]).await;
            assert_eq!(answer.status, StatusCode::OK, "a token of the other server: {}", answer.body);
        }
    };
    let before = signed().await;
    assert_eq!(before[0].0, before[1].0, "one key");
    believed(&before).await;
    site.shell(&["keys", "rotate"], "");
    timeout(Duration::from_secs(30), async {
        while signed().await.iter().any(|(kid, _)| *kid == before[0].0) {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("both sign with the new key");
    let after = signed().await;
    assert_eq!(after[0].0, after[1].0);
    believed(&after).await;
    believed(&before).await;
}

async fn throttle(site: &Site, servers: &[Program]) {
    site.account("bob");
    let attempt = async |base: &str, password: &str| {
        Browser::at(base).post("/login", &[("username", "bob"), ("password", password)]).await.status
    };
    for _ in 0..5 {
        assert_eq!(attempt(&site.base, "a wrong password").await, StatusCode::UNAUTHORIZED);
    }
    for base in servers.iter().map(|server| server.base.as_str()).chain([site.base.as_str()]) {
        assert_eq!(attempt(base, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS, "{base}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_start_on_an_empty_database_together() {
    let site = Site::start();
    let admin = Db::open_as_it_is(&site.postgres.url().parse::<DatabaseLocation>().unwrap()).await.unwrap();
    for round in 0..3 {
        database::execute(&admin, &format!("CREATE SCHEMA empty{round}")).await;
        let url = format!("{}?options=-csearch_path%3Dempty{round}", site.postgres.url());
        let servers: Vec<Program> = thread::scope(|scope| {
            let starting = [0, 1].map(|number| {
                let (site, url) = (&site, url.as_str());
                scope.spawn(move || site.server_on(number, url, &[]))
            });
            starting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let mut keys = BTreeSet::new();
        for server in &servers {
            assert_eq!(server.browser().get("/readyz").await.body, "ready\n");
            keys.insert(server.browser().get("/.well-known/jwks.json").await.body);
        }
        assert_eq!(keys.len(), 1, "one of them created the keys");
        assert_eq!(database::number(&admin, &format!("SELECT COUNT(*) FROM empty{round}.signing_key")).await, Some(2));
        // The link of either server works, and ends the other's.
        let links: Vec<String> = servers.iter().map(|server| server.setup_link.clone().unwrap()).collect();
        let browser = Browser::at(&site.base);
        browser.get(&links[round % 2]).await;
        let made = browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
        for server in &servers {
            assert_eq!(server.browser().get("/setup").await.status, StatusCode::GONE);
        }
        servers.into_iter().for_each(|server| drop(server.stop()));
    }
    admin.close().await;
}
