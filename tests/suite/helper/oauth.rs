//! The requests, against Dockpass itself.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};

use reqwest::StatusCode;
use time::Duration;

use crate::harness::device::{Codes, PROGRAM};
use crate::harness::{Browser, TestServer};
use crate::helper::workstation::{NOT_FOUND, Workstation};

/// Signs a computer in; the owner approves the code.
async fn sign_in(workstation: &Workstation, server: &TestServer, owner: &Browser) {
    let mut program = workstation.command(&["login", &server.address.to_string()]).spawn().unwrap();
    let mut stdout = BufReader::new(program.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    let user_code = said.trim_end().rsplit(' ').next().unwrap().to_owned();
    let approved = owner.decide(&Codes { device_code: String::new(), user_code }, "approve").await;
    assert!(approved.body.contains("Approved"), "{said} {}", approved.body);
    // The helper waits these seconds before its first poll; the server's clock does not move by itself.
    server.clock.advance(Duration::seconds(5));
    stdout.read_to_string(&mut said).unwrap();
    assert!(program.wait().unwrap().success(), "{said}");
}

async fn answer(server: &TestServer, token: &str) -> (StatusCode, String) {
    let answer = server.anonymous().token("alice", token, &[]).await;
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_token_and_a_disabled_account_keep_the_sign_in() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let (workstation, host) = (Workstation::new(), server.address.to_string());
    sign_in(&workstation, &server, &alice).await;
    let token_page = format!("/settings/tokens/{}", server.text("SELECT id FROM token").await);
    let account_page =
        format!("/admin/accounts/{}", server.text("SELECT id FROM account WHERE username = 'alice'").await);
    let deactivated = "the token of this device was deactivated: activate it on the page of personal access tokens";
    let disabled = "the account is disabled: ask an administrator";
    let mut token = workstation.get(&host).1;
    for (who, page, off, on, words, code) in [
        (&alice, token_page, "deactivate", "activate", deactivated, "(PAT-INACTIVE)"),
        (&admin, account_page, "disable", "enable", disabled, "(ACCOUNT-DISABLED)"),
    ] {
        assert_eq!(who.post(&format!("{page}/{off}"), &[]).await.status, StatusCode::SEE_OTHER);
        workstation.make_due(&host);
        let said = workstation.call("get", &host);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(said.stderr, format!("{PROGRAM}: http://{host} refused: {words} (access_denied)\n"));
        assert!(said.stdout.contains(&format!("\"{token}\"")), "{said:?}");
        assert_eq!(workstation.get(&host).1, token, "docker's second call asks no server");
        let (status, body) = answer(&server, &token).await;
        assert!(status == StatusCode::UNAUTHORIZED && body.contains(code), "{body}");
        assert_eq!(who.post(&format!("{page}/{on}"), &[]).await.status, StatusCode::SEE_OTHER);
        workstation.set_session(&host, "back_off_until", 0);
        let renewed = workstation.get(&host).1;
        assert_ne!(renewed, token);
        assert_eq!(answer(&server, &renewed).await.0, StatusCode::OK);
        token = renewed;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_sign_in_that_was_copied_the_second_computer_is_told_and_neither_fails_by_turns() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (original, copy, host) = (Workstation::new(), Workstation::new(), server.address.to_string());
    sign_in(&original, &server, &alice).await;
    fs::create_dir_all(copy.file().parent().unwrap()).unwrap();
    fs::copy(original.file(), copy.file()).unwrap();
    let refreshed = |workstation: &Workstation| {
        workstation.make_due(&host);
        workstation.call("get", &host)
    };
    let ended = format!("this sign-in is used on another computer too: run {PROGRAM} login {host}\n");
    let both = [&original, &copy].map(|workstation| refreshed(workstation).succeed());
    assert_eq!(both[0], both[1], "within a minute both get the same token");
    server.clock.advance(Duration::DAY);
    refreshed(&original).succeed();
    let token = original.get(&host).1;
    assert_eq!(answer(&server, &token).await.0, StatusCode::OK);
    server.clock.advance(Duration::DAY);
    let said = refreshed(&copy);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(1), NOT_FOUND, ended.as_str()));
    let (status, body) = answer(&server, &token).await;
    assert!(status == StatusCode::UNAUTHORIZED && body.contains("(PAT-DELETED)"), "{body}");
    assert_eq!(refreshed(&original).stderr, ended);
    // With a sign-in of its own each of them lasts.
    let alice = server.signed_in("alice").await;
    sign_in(&original, &server, &alice).await;
    sign_in(&copy, &server, &alice).await;
    for _ in 0..3 {
        server.clock.advance(Duration::DAY);
        for workstation in [&original, &copy] {
            refreshed(workstation).succeed();
            assert_eq!(answer(&server, &workstation.get(&host).1).await.0, StatusCode::OK);
        }
    }
}
