//! What began before a change of the credentials is dead whenever it arrives.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use dockpass::accounts::actions::{self as accounts, DisableOutcome};
use dockpass::auth::one_time_links::actions as links;
use dockpass::platform::password_hasher::Requester;
use dockpass::platform::rng::SystemRng;
use dockpass_core::account::Account;
use dockpass_core::password::{HashMemory, Password, PasswordDigest};
use dockpass_core::secret::SecretHash;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::factor::Enrolled;
use crate::harness::{Answer, Browser, PASSWORD, TestServer};

const SIGN_INS: usize = 24;

fn digest() -> PasswordDigest {
    Password::typed("another harbour at dusk").hash([5; 16], &mut HashMemory::default())
}

async fn account(server: &TestServer) -> Account {
    accounts::find_by_username(&mut server.app.db.read().await.unwrap(), "alice").await.unwrap().unwrap()
}

/// Takes all permits for slow work until the senders are dropped.
async fn hold_all(server: &TestServer) -> Vec<Sender<()>> {
    let mut held = Vec::new();
    let requester = Requester::new([192, 0, 2, 1].into(), "somebody");
    while server.app.hasher.waiting() == 0 {
        let ((sender, receiver), (began, begins)) = (channel::<()>(), channel());
        let (hasher, requester) = (server.app.hasher.clone(), requester.clone());
        tokio::spawn(async move {
            hasher
                .run(&requester, move |_| {
                    let _ = began.send(());
                    let _ = receiver.recv();
                })
                .await
        });
        held.push(sender);
        while server.app.hasher.waiting() == 0 && begins.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
    }
    held
}

/// Starts sign-ins with the right password, makes a change once all of them have read the account, and lets them go on.
async fn sign_ins_before<F: Future<Output = ()>>(server: &Arc<TestServer>, change: F) -> Vec<(Answer, Browser)> {
    let held = hold_all(server).await;
    let before = server.app.hasher.waiting();
    let mut sign_ins = JoinSet::new();
    for _ in 0..SIGN_INS {
        let browser = server.anonymous();
        sign_ins.spawn(async move {
            let answer = browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
            (answer, browser)
        });
    }
    while server.app.hasher.waiting() < before + SIGN_INS {
        tokio::task::yield_now().await;
    }
    change.await;
    drop(held);
    sign_ins.join_all().await
}

#[tokio::test]
async fn sign_ins_that_began_before_a_change_leave_no_working_session() {
    for change in ["change", "reset", "link", "disable", "end others"] {
        let server = Arc::new(TestServer::start().await);
        server.account("root-of-all").await;
        let own = server.account_signed_in("alice").await;
        let own_hash = SecretHash::of(&own.cookie("dockpass").unwrap());
        let alice = account(&server).await;
        let code = {
            let mut tx = server.app.db.write().await.unwrap();
            let code = links::create_password_link(&mut tx, &alice, server.clock.now(), SystemRng).await.unwrap();
            tx.commit().await.unwrap();
            code
        };
        let answers = sign_ins_before(&server, async {
            let (mut tx, now) = (server.app.db.write().await.unwrap(), server.clock.now());
            match change {
                "change" => drop(accounts::change_password(&mut tx, &alice, &digest(), &own_hash).await.unwrap()),
                "reset" => accounts::set_password(&mut tx, &alice, &digest()).await.unwrap(),
                "link" => {
                    let code = SecretHash::of(&code);
                    assert!(links::spend_password_link(&mut tx, &code, &digest(), now).await.unwrap());
                }
                "disable" => {
                    assert_eq!(accounts::disable(&mut tx, &alice, now).await.unwrap(), DisableOutcome::Done);
                    assert!(accounts::enable(&mut tx, &alice).await.unwrap());
                }
                _ => drop(accounts::end_other_sessions(&mut tx, &alice, &own_hash).await.unwrap()),
            }
            tx.commit().await.unwrap();
        })
        .await;
        assert_eq!(answers.len(), SIGN_INS);
        for (answer, browser) in &answers {
            assert_eq!(browser.get("/settings").await.status, StatusCode::SEE_OTHER, "{change}: {}", answer.status);
        }
        let keeps_own = matches!(change, "change" | "end others");
        let expected = if keeps_own { StatusCode::OK } else { StatusCode::SEE_OTHER };
        assert_eq!(own.get("/settings").await.status, expected, "{change}");
        if keeps_own {
            let listed = own.get("/settings/sessions").await.body.matches("<li id=\"session-").count();
            assert_eq!(listed, 1, "{change}: a session that does not work is not shown");
        }
    }
}

#[tokio::test]
async fn a_rehash_ends_nothing() {
    let server = TestServer::start().await;
    let own = server.account_signed_in("alice").await;
    let before = account(&server).await.credentials_version;
    let weak = {
        use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
        argon2.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap().to_string()
    };
    server.sql(&format!("UPDATE account SET password_hash = '{weak}'")).await;
    server.signed_in("alice").await;
    assert_ne!(server.text("SELECT password_hash FROM account").await, weak);
    assert_eq!(account(&server).await.credentials_version, before);
    assert_eq!(own.get("/settings").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_half_done_sign_in_ends_with_what_it_began_with() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let half = server.half_signed_in("alice").await;
    let mut tx = server.app.db.write().await.unwrap();
    accounts::set_password(&mut tx, &account(&server).await, &digest()).await.unwrap();
    tx.commit().await.unwrap();
    let answer = half.post("/login/code", &[("code", &server.next_code(&authenticator))]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login"));
}

#[tokio::test]
async fn a_request_under_way_acts_on_nothing_that_changed() {
    let server = TestServer::start().await;
    let own = server.account_signed_in("alice").await;
    let before = account(&server).await;
    let mut tx = server.app.db.write().await.unwrap();
    accounts::end_sessions(&mut tx, &before).await.unwrap();
    tx.commit().await.unwrap();
    let own_hash = SecretHash::of(&own.cookie("dockpass").unwrap());
    let mut tx = server.app.db.write().await.unwrap();
    assert!(accounts::lock_unchanged(&mut tx, &before).await.is_err());
    assert!(accounts::change_password(&mut tx, &before, &digest(), &own_hash).await.is_err());
    assert!(accounts::close(&mut tx, &before, server.clock.now()).await.is_err());
    let reader = &mut server.app.db.read().await.unwrap();
    assert!(accounts::find_unchanged(reader, &before.id, before.credentials_version).await.unwrap().is_none());
}

#[tokio::test]
async fn a_form_whose_last_byte_arrives_after_a_change_makes_no_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let host = server.address.to_string();
    let cookie = format!("dockpass-{}={}", host.rsplit(':').next().unwrap(), alice.cookie("dockpass").unwrap());
    let form = "form_key=0123456789abcdefghijkl&description=late&expiration=30&permission=repo%3Aread";
    let head = format!(
        "POST /settings/tokens HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        form.len()
    );
    for is_changed in [false, true] {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        let (most, last) = form.split_at(form.len() - 1);
        stream.write_all(format!("{head}{most}").as_bytes()).await.unwrap();
        // The request has read the account by then, and waits for its body.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        if is_changed {
            let account = account(&server).await;
            let mut tx = server.app.db.write().await.unwrap();
            accounts::set_password(&mut tx, &account, &digest()).await.unwrap();
            tx.commit().await.unwrap();
        } else {
            server.sql("DELETE FROM token").await;
        }
        stream.write_all(last.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let expected = if is_changed { "HTTP/1.1 303" } else { "HTTP/1.1 200" };
        assert!(answer.starts_with(expected), "{answer}");
        assert_eq!(server.count("token").await, 1);
    }
}
