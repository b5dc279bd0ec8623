//! `/login`: the page and its form.

use data_encoding::HEXLOWER;
use reqwest::StatusCode;
use sha2::{Digest, Sha256};

use crate::harness::program::Program;
use crate::harness::{PASSWORD, TestServer, database};

#[tokio::test]
async fn the_page_has_a_form_that_works_without_a_script() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let page = server.anonymous().get("/login").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    for part in [
        "<form method=\"post\" action=\"/login\">",
        "<label for=\"username\">Username</label>",
        "<label for=\"password\">Password</label>",
        "autocomplete=\"current-password\"",
        ">Sign in</button>",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(page.headers.get("set-cookie").is_none(), "whoever only looks gets no session");
    assert!(!page.body.contains("Account menu"));
}

#[tokio::test]
async fn the_right_password_opens_a_session() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let browser = server.anonymous();
    let answer = browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2, "the session, and the browser to know again");
    for cookie in [answer.set_cookie("dockpass"), answer.set_cookie("dockpass_browser")] {
        for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.split("; ").any(|attribute| attribute == part), "{part} in {cookie}");
        }
        assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    }
    assert!(answer.headers.get("strict-transport-security").is_none());
    let page = browser.get("/settings/tokens").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("aria-label=\"Account menu\"") && page.body.contains("alice"));
}

#[tokio::test]
async fn under_https_the_cookie_is_secure_and_of_this_host_alone() {
    let server = TestServer::start_with(|settings| settings.public_url = Some("https://hub.example.com".into())).await;
    server.account("alice").await;
    let browser = server.anonymous();
    let answer = browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    for cookie in [answer.set_cookie("__Host-dockpass"), answer.set_cookie("__Host-dockpass_browser")] {
        for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Secure"] {
            assert!(cookie.split("; ").any(|attribute| attribute == part), "{part} in {cookie}");
        }
        assert!(!cookie.contains("Domain"));
    }
    assert!(answer.header("strict-transport-security").starts_with("max-age=31536000"));
    assert_eq!(browser.get("/settings/tokens").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_planted_session_id_is_not_taken_over() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let bob = server.account_signed_in("bob").await;
    let (invented, bobs) = ("AAAAAAAAAAAAAAAAAAAAAA".to_owned(), bob.cookie("dockpass").unwrap());
    for planted in [invented, bobs] {
        let browser = server.anonymous().with_cookie("dockpass", &planted);
        browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
        let fresh = browser.cookie("dockpass").unwrap();
        assert_ne!(fresh, planted);
        assert_eq!(browser.get("/settings").await.status, StatusCode::OK);
        let thief = server.anonymous().with_cookie("dockpass", &planted);
        assert_eq!(thief.get("/settings").await.status, StatusCode::SEE_OTHER, "{planted}");
    }
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_get_one_message() {
    let server = TestServer::start().await;
    for name in ["alice", "carol"] {
        server.account(name).await;
    }
    server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'carol'").await;
    let wrong = "another quiet harbour";
    let attempts = [("alice", wrong), ("nobody-here", PASSWORD), ("carol", wrong), ("", "")];
    let mut bodies = Vec::new();
    for (name, password) in attempts {
        let browser = server.anonymous();
        let answer = browser.post("/login", &[("username", name), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.body.contains("Incorrect username or password."));
        assert!(answer.headers.get("set-cookie").is_none());
        assert_eq!(answer.after("name=\"username\" value=\""), name, "kept");
        assert!(password.is_empty() || !answer.body.contains(password));
        bodies.push(answer.body.replace(&format!("value=\"{name}\""), "value=\"…\""));
    }
    bodies[3] = bodies[3].replace("value=\"\"", "value=\"…\"");
    let first = bodies[0].replace("value=\"\"", "value=\"…\"");
    assert!(bodies.iter().all(|body| body.replace("value=\"\"", "value=\"…\"") == first));
}

#[tokio::test]
async fn a_disabled_account_is_told_so_and_only_with_its_password() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    for name in ["alice", "carol"] {
        server.account(name).await;
    }
    let carol = server.signed_in("carol").await;
    server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'alice'").await;
    let sign_in = async |name: &str, password: &str| {
        server.anonymous().post("/login", &[("username", name), ("password", password)]).await
    };
    let told = sign_in("alice", PASSWORD).await;
    assert_eq!(told.status, StatusCode::UNAUTHORIZED);
    assert!(told.body.contains("This account is disabled. Ask an administrator"), "{}", told.body);
    assert!(told.headers.get("set-cookie").is_none());
    assert_eq!(sign_in("alice", "another quiet harbour").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(carol.post("/settings/close", &[("password", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
    let closed = sign_in("carol", PASSWORD).await;
    assert_eq!(closed.status, StatusCode::UNAUTHORIZED);
    let unknown = sign_in("nobody-here", PASSWORD).await;
    assert_eq!(closed.body.replace("carol", "…"), unknown.body.replace("nobody-here", "…"), "like an unknown name");
    server.flush().await;
    let logged = "SELECT COUNT(*) FROM activity JOIN account ON account.id = account_id
                  WHERE kind = 'sign_in_failed' AND username = 'carol'";
    assert_eq!(server.number(logged).await, Some(0));
}

#[tokio::test]
async fn every_attempt_costs_one_argon2_verification() {
    let server = TestServer::start().await;
    for name in ["alice", "carol"] {
        server.account(name).await;
    }
    server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'carol'").await;
    let long = "x".repeat(600);
    let attempts = [
        ("alice", PASSWORD),
        ("alice", "another quiet harbour"),
        ("nobody-here", PASSWORD),
        ("carol", PASSWORD),
        ("carol", "another quiet harbour"),
        ("", ""),
        ("alice", ""),
        ("", PASSWORD),
        ("alice", "dp_pat_000000000000000000000000000000000000"),
        ("no name at all / !", PASSWORD),
        ("alice", &long),
    ];
    for (name, password) in attempts {
        let before = server.app.hasher.verifications();
        server.anonymous().post("/login", &[("username", name), ("password", password)]).await;
        assert_eq!(server.app.hasher.verifications() - before, 1, "{name:?} {password:?}");
    }
    let before = server.app.hasher.verifications();
    server.anonymous().post("/login", &[("nothing", "of use")]).await;
    assert_eq!(server.app.hasher.verifications() - before, 0, "no name and no password were wrong a moment ago");
    for (name, password) in [("ali\0ce", PASSWORD), ("alice", "a\0b")] {
        let before = server.app.hasher.verifications();
        let answer = server.anonymous().post("/login", &[("username", name), ("password", password)]).await;
        assert_eq!((answer.status, server.app.hasher.verifications()), (StatusCode::BAD_REQUEST, before), "a NUL");
    }
}

#[tokio::test]
async fn a_digest_with_weaker_parameters_is_replaced_at_sign_in() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let weak = weak_digest();
    server.sql(&format!("UPDATE account SET password_hash = '{weak}'")).await;
    let wrong = server.anonymous().post("/login", &[("username", "alice"), ("password", "not this harbour")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.text("SELECT password_hash FROM account").await, weak, "a wrong password renews nothing");
    server.signed_in("alice").await;
    let renewed = server.text("SELECT password_hash FROM account").await;
    assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
    server.signed_in("alice").await;
    assert_eq!(server.text("SELECT password_hash FROM account").await, renewed, "and only once");
}

fn weak_digest() -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
    argon2.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap().to_string()
}

#[tokio::test]
async fn names_are_typed_in_any_case_and_passwords_as_they_are() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let sign_in = async |name: &str, password: &str| {
        server.anonymous().post("/login", &[("username", name), ("password", password)]).await.status
    };
    assert_eq!(sign_in("Alice", PASSWORD).await, StatusCode::SEE_OTHER);
    assert_eq!(sign_in("alice", &PASSWORD.to_uppercase()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in("alice", &format!(" {PASSWORD}")).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_came_from_a_page_is_led_back_to_it() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let browser = server.anonymous();
    let sent = browser.get("/settings/tokens/new?from=menu").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let form = browser.get(sent.header("location")).await;
    let next = form.after("name=\"next\" value=\"");
    assert_eq!(next, "/settings/tokens/new?from=menu");
    let form = [("username", "alice"), ("password", PASSWORD), ("next", &next)];
    assert_eq!(browser.post("/login", &form).await.header("location"), next);
    assert_eq!(browser.get("/login?next=/settings").await.header("location"), "/settings", "is signed in already");
}

#[tokio::test]
async fn nobody_is_led_to_another_server() {
    let server = TestServer::start().await;
    server.account("alice").await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "/\u{1}", "x"] {
        let form = [("username", "alice"), ("password", PASSWORD), ("next", next)];
        let answer = server.anonymous().post("/login", &form).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"), "{next}");
    }
}

#[tokio::test]
async fn the_database_has_the_hash_of_the_session_id_alone() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    let id = browser.cookie("dockpass").unwrap();
    let dump = server.dump().await;
    assert!(!database::holds(&dump, &id));
    assert!(dump.to_lowercase().contains(&HEXLOWER.encode(&Sha256::digest(&id))));
}

#[tokio::test]
async fn the_log_names_account_and_address_of_good_and_bad_sign_ins() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&folder.path().join("data"), &[]);
    let browser = program.browser();
    browser.get(program.setup_link.as_ref().unwrap()).await;
    browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    for (name, password) in [("alice", PASSWORD), ("alice", "not this harbour"), ("a secret as the name", "x")] {
        program.browser().post("/login", &[("username", name), ("password", password)]).await;
    }
    let log = program.stop().log;
    let lines = |words: &[&str]| log.lines().filter(|line| words.iter().all(|word| line.contains(word))).count();
    let from = "address=\"127.0.0.1\"";
    assert_eq!(lines(&["kind=\"signed_in\"", "account=\"alice\"", from]), 2, "{log}");
    assert_eq!(lines(&["a sign-in was refused", "account=\"alice\"", from]), 1, "{log}");
    assert_eq!(lines(&["a sign-in was refused", "account=\"\"", from]), 1, "{log}");
    assert!(!log.contains("a secret as the name"));
}

#[tokio::test]
async fn the_page_says_whom_to_ask_for_a_forgotten_password() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let page = server.anonymous().get("/login").await.body;
    assert!(page.contains("Forgot your password? Ask an administrator of this registry"), "{page}");
}

#[tokio::test]
async fn the_page_says_why_it_asks() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let stranger = server.anonymous();
    for (path, sentence) in [
        ("/", "Sign in to manage your personal access tokens."),
        ("/settings/tokens", "Sign in to manage your personal access tokens."),
        ("/settings/activity?page=2", "Sign in to see this page."),
        ("/device?user_code=WDJB-MJHT", "Sign in to approve a device."),
    ] {
        let led = stranger.get(path).await;
        let page = stranger.get(led.header("location")).await;
        assert!(page.body.contains(&format!("<p class=\"lead\">{sentence}</p>")), "{path}: {}", page.body);
        assert!(page.body.contains("<h1>Sign in</h1>"));
    }
    server.clock.advance(time::Duration::hours(24));
    let ended = "Your session has ended. Sign in again to continue.";
    let led = alice.get("/settings/activity").await;
    assert!(server.anonymous().get(led.header("location")).await.body.contains(ended), "{led:?}");
    let url = server.url("/settings/repositories?page=2");
    let led = alice.get_with("/settings/repositories/new", &[("hx-request", "true"), ("hx-current-url", &url)]).await;
    let address = led.header("hx-redirect");
    assert_eq!(address, "/login?next=%2Fsettings%2Frepositories%3Fpage%3D2&reason=ended", "back to the page around it");
}

#[tokio::test]
async fn who_takes_too_long_for_the_code_learns_it() {
    let server = TestServer::start().await;
    server.enrolled("alice").await;
    let half = server.half_signed_in("alice").await;
    server.clock.advance(time::Duration::minutes(5));
    let led = half.post("/login/code", &[("code", "123456")]).await;
    assert_eq!(led.header("location"), "/login?reason=late");
    assert!(half.get("/login?reason=late").await.body.contains("You took too long to enter the code."));
}

#[tokio::test]
async fn before_the_first_account_a_sign_in_gets_the_page_that_says_so() {
    let server = TestServer::start().await;
    for answer in [
        server.anonymous().get("/login").await,
        server.anonymous().post("/login", &[("username", "alice"), ("password", PASSWORD)]).await,
    ] {
        assert!(answer.body.contains("<h1>Create the first account</h1>"), "{}", answer.body);
        assert!(!answer.body.contains("name=\"password\"") && !answer.body.contains("<title>Error"), "{}", answer.body);
    }
}
