//! The log never contains a secret, even at trace level.

use data_encoding::{BASE64, HEXLOWER};
use reqwest::StatusCode;
use tempfile::TempDir;

use crate::harness::device::Got;
use crate::harness::factor::{Authenticator, recovery_codes};
use crate::harness::program::{Ended, Program, command};
use crate::harness::{Browser, MadeToken, PASSWORD, basic, database};

const WRONG: &str = "a wrong password nobody has";
const EVENTS_SECRET: &str = "a-secret-between-two-programs";
const WRONG_EVENTS_SECRET: &str = "a-secret-of-other-programs";

/// All secrets of a run, by name.
type Secrets = Vec<(String, String)>;

async fn whole_run(more: &[&str]) -> (Ended, Secrets) {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let url = database::url().await.unwrap_or_else(|| format!("sqlite:{}", folder.path().join("test.db").display()));
    let events = folder.path().join("events.secret");
    std::fs::write(&events, EVENTS_SECRET).unwrap();
    let events = events.display().to_string();
    let arguments =
        ["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap(), "--events-secret-file", events.as_str()];
    let mut start = command(&arguments);
    start.args(more).env("RUST_LOG", "trace").env("DOCKPASS_DATABASE_URL", url);
    let program = Program::spawn(&mut start);
    let link = program.setup_link.clone().unwrap();
    let mut secrets = vec![
        ("set-up code".to_owned(), link.split_once("code=").unwrap().1.to_owned()),
        ("password".into(), PASSWORD.into()),
        ("escaped password".into(), PASSWORD.replace(' ', "+")),
        ("wrong password".into(), WRONG.into()),
        ("escaped wrong password".into(), WRONG.replace(' ', "+")),
        ("secret of the registry's notifications".into(), EVENTS_SECRET.into()),
        ("wrong secret of the registry's notifications".into(), WRONG_EVENTS_SECRET.into()),
        ("secret key".into(), std::fs::read_to_string(data.join("secret.key")).unwrap().trim().to_owned()),
    ];
    let browser = program.browser();
    let cookie = |name: &str, secrets: &mut Secrets| {
        secrets.push((format!("{name} cookie"), browser.cookie("dockpass").unwrap()));
    };
    browser.get("/setup?code=wrong-code").await;
    browser.get(&link).await;
    cookie("set-up", &mut secrets);
    browser.post("/setup", &[("username", "alice"), ("password", WRONG.split_at(5).0)]).await;
    browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    cookie("first", &mut secrets);
    let tokens = [
        browser.generate("good", "repo:admin", "30").await,
        browser.generate("inactive", "repo:read", "7").await,
        browser.generate("deleted", "repo:read", "never").await,
    ];
    browser.post(&format!("/settings/tokens/{}/deactivate", tokens[1].id), &[]).await;
    browser.post(&format!("/settings/tokens/{}/delete", tokens[2].id), &[]).await;
    browser.post("/logout", &[]).await;
    browser.post("/login", &[("username", "alice"), ("password", WRONG)]).await;
    browser.post("/login", &[("username", PASSWORD), ("password", "alice")]).await;
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    cookie("second", &mut secrets);
    for page in ["/settings", "/settings/tokens", "/settings/tokens/new", "/nowhere"] {
        browser.get(page).await;
    }
    secrets.extend(use_tokens(&program, &tokens).await);
    secrets.extend(use_a_device(&program, &browser).await);
    tell_of_events(&program).await;
    secrets.extend(use_the_rest(&program, &browser).await);
    browser.post("/logout", &[]).await;
    (program.stop(), secrets)
}

/// Token requests with good and bad credentials.
async fn use_tokens(program: &Program, tokens: &[MadeToken]) -> Secrets {
    let caller = program.browser();
    let mut secrets = Vec::new();
    for token in tokens {
        let name = token.id.clone();
        secrets.push((format!("token {name}"), token.secret.clone()));
        secrets.push((format!("token {name} without its ends"), token.secret[10..40].to_owned()));
        caller.token("bob", &token.secret, &[]).await;
        caller.token(&token.secret, "alice", &[]).await;
        let answer = caller.token("alice", &token.secret, &["repository:alice/app:pull,push"]).await;
        if answer.status == StatusCode::OK {
            let jwt = answer.json()["token"].as_str().unwrap().to_owned();
            secrets.push(("signature".into(), jwt.rsplit('.').next().unwrap().to_owned()));
            caller.get_with("/v2/", &[("authorization", &format!("Bearer {jwt}"))]).await;
            caller.get_with("/settings", &[("authorization", &format!("Bearer {jwt}"))]).await;
            secrets.push(("registry token".into(), jwt));
        }
        let form = [("grant_type", "password"), ("username", "alice"), ("password", token.secret.as_str())];
        caller.post("/token", &form).await;
        let stranger = program.browser().with_cookie("dockpass", &token.secret);
        stranger.get("/settings/tokens").await;
    }
    for secret in [PASSWORD, WRONG] {
        caller.token("alice", secret, &[]).await;
        caller.post("/token", &[("grant_type", "password"), ("username", "alice"), ("password", secret)]).await;
    }
    for (name, secret) in secrets.clone() {
        let header = basic("alice", &secret).to_str().unwrap()["Basic ".len()..].to_owned();
        secrets.push((format!("{name} in its header"), header));
    }
    secrets
}

/// Notifications with the right and with a wrong secret.
async fn tell_of_events(program: &Program) {
    let good = r#"{"events":[{"id":"1","action":"push","target":{"mediaType":"manifest","repository":"alice/app",
                   "tag":"v1"},"actor":{"name":"alice"}}]}"#;
    let bodies = [good, r#"{"events":[{"id":7}]}"#, "{}", "no JSON"];
    let mut answers = Vec::new();
    for (secret, body) in bodies.map(|body| (EVENTS_SECRET, body)).into_iter().chain([(WRONG_EVENTS_SECRET, good)]) {
        let request = reqwest::Client::new().post(format!("{}/registry/events", program.base)).body(body);
        answers.push(request.bearer_auth(secret).send().await.unwrap().status().as_u16());
    }
    assert_eq!(answers, [200, 200, 200, 400, 401]);
}

/// A device signs in through the link with its code, and signs out.
async fn use_a_device(program: &Program, browser: &Browser) -> Secrets {
    let device = program.browser();
    let codes = device.begin("laptop").await;
    program.browser().get(&format!("/device?user_code={}", codes.user_code)).await;
    browser.get(&format!("/device?user_code={}", codes.user_code)).await;
    browser.post("/device", &[("user_code", "BBBB-BBBB")]).await;
    browser.post("/device", &[("user_code", &codes.user_code)]).await;
    device.poll(&codes).await;
    assert_eq!(browser.decide(&codes, "approve").await.status, StatusCode::OK);
    let first = Got::of(&device.poll(&codes).await);
    let second = Got::of(&device.refresh(&first.refresh).await);
    device.token("alice", &second.token, &[]).await;
    device.post("/oauth/revoke", &[("token", &second.token)]).await;
    device.refresh(&second.refresh).await;
    vec![
        ("device code".to_owned(), codes.device_code),
        ("user code".into(), codes.user_code),
        ("device's token".into(), first.token),
        ("device's next token".into(), second.token),
        ("refresh token".into(), first.refresh),
    ]
}

/// A calendar, a set-password link, and the second factor.
async fn use_the_rest(program: &Program, browser: &Browser) -> Secrets {
    let calendar = browser.post("/settings/tokens/calendar", &[]).await.shown_once();
    assert_eq!(program.browser().get(&calendar).await.status, StatusCode::OK);
    let calendar = calendar.rsplit('/').next().unwrap().trim_end_matches(".ics").to_owned();
    let link = browser.post("/admin/accounts", &[("username", "bob")]).await.shown_once();
    let bob = program.browser();
    bob.get(&link).await;
    assert_eq!(bob.post("/set-password", &[("password", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
    program.browser().get(&link).await;
    let page = browser.post("/settings/security/two-factor", &[]).await;
    let (text, authenticator) = (Authenticator::text(&page), Authenticator::reading(&page));
    let code = authenticator.code(dockpass::platform::clock::Clock::System.now());
    let codes = recovery_codes(&browser.post("/settings/security/two-factor/confirm", &[("code", &code)]).await);
    assert_eq!(codes.len(), 10);
    browser.post("/logout", &[]).await;
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let half = browser.cookie("dockpass").unwrap();
    browser.post("/login/recovery", &[("code", &codes[1].replace('2', "3"))]).await;
    let inside = browser.post("/login/recovery", &[("code", &codes[0])]).await;
    assert_eq!(inside.status, StatusCode::SEE_OTHER);
    let mut secrets = vec![
        ("calendar address".to_owned(), calendar),
        ("link's code".into(), link.split_once("code=").unwrap().1.to_owned()),
        ("authenticator's secret".into(), text.replace(' ', "")),
        ("authenticator's secret in groups".into(), text),
        ("half signed-in cookie".into(), half),
        ("third cookie".into(), browser.cookie("dockpass").unwrap()),
        ("known browser".into(), browser.cookie("dockpass_browser").unwrap()),
    ];
    secrets.extend(codes.into_iter().map(|code| ("recovery code".to_owned(), code)));
    secrets
}

fn assert_no_secrets(ended: &Ended, secrets: &Secrets) {
    assert_eq!(ended.code, Some(0));
    let log = &ended.log;
    assert!(log.contains("skipped an event of a notification that cannot be read"));
    assert!(log.contains("skipped a notification without a list of events"));
    assert!(
        log.contains("TRACE") && log.contains("answered") && log.contains("signed_in"),
        "the log is at trace level"
    );
    assert!(log.contains("a token request was refused") && log.contains("PAT-INACTIVE"), "refusals are logged");
    assert!(secrets.len() > 15);
    for (name, secret) in secrets {
        let forms = [secret.clone(), BASE64.encode(secret.as_bytes()), HEXLOWER.encode(secret.as_bytes())];
        for form in forms {
            let line = log.lines().find(|line| line.contains(&form));
            assert!(line.is_none(), "the {name} is in the log: {line:?}");
        }
    }
    assert!(!ended.said.contains("code=") || ended.said.lines().count() == 1, "only the link contains a code");
}

#[tokio::test]
async fn the_text_log_contains_no_secrets() {
    let (ended, secrets) = whole_run(&[]).await;
    assert_no_secrets(&ended, &secrets);
}

#[tokio::test]
async fn the_json_log_contains_no_secrets() {
    let (ended, secrets) = whole_run(&["--log-format", "json"]).await;
    let parsed = ended.log.lines().map(serde_json::from_str::<serde_json::Value>);
    assert!(parsed.into_iter().all(|line| line.is_ok()), "every line is JSON");
    assert_no_secrets(&ended, &secrets);
}

/// The fields of the JSON lines with this message.
fn lines_with(log: &str, message: &str) -> Vec<serde_json::Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["fields"].clone());
    lines.filter(|fields| fields["message"] == message).collect()
}

#[tokio::test]
async fn changes_and_token_requests_name_account_token_and_address() {
    let folder = TempDir::new().unwrap();
    let mut start = command(&["--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
    if let Some(url) = database::url().await {
        start.env("DOCKPASS_DATABASE_URL", url);
    }
    let program = Program::spawn(start.args(["--log-format", "json"]));
    let browser = program.browser();
    browser.get(&program.setup_link.clone().unwrap()).await;
    browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    let token = browser.generate("ci push", "repo:write", "30").await;
    program.browser().token("alice", &token.secret, &["repository:alice/app:pull,push"]).await;
    browser.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    program.browser().token("alice", &token.secret, &["repository:alice/app:pull"]).await;
    let log = program.stop().log;
    let granted = lines_with(&log, "a token request was granted");
    let refused = lines_with(&log, "a token request was refused");
    assert_eq!((granted.len(), refused.len()), (1, 1), "{log}");
    for line in [&granted[0], &refused[0]] {
        assert_eq!((&line["account"], &line["token"]), (&"alice".into(), &"ci push".into()), "{line}");
        assert_eq!((&line["token_id"], &line["address"]), (&token.id.clone().into(), &"127.0.0.1".into()), "{line}");
        assert!(line["account_id"].as_str().is_some_and(|id| id.len() == 36), "{line}");
    }
    assert_eq!(granted[0]["scope"], "repository:alice/app:pull,push");
    assert_eq!((&refused[0]["code"], &refused[0]["repository"]), (&"PAT-INACTIVE".into(), &"alice/app".into()));
    let changes = lines_with(&log, "activity");
    for kind in ["token_created", "token_deactivated"] {
        let line = changes.iter().find(|line| line["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {log}"));
        assert_eq!((&line["account"], &line["detail"]), (&"alice".into(), &"ci push".into()), "{line}");
        assert_eq!((&line["detail_id"], &line["address"]), (&token.id.clone().into(), &"127.0.0.1".into()), "{line}");
    }
}
