//! Waiting for the approval.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::helper::fake_server::{FakeServer, refusal};
use crate::helper::workstation::{NOT_FOUND, Workstation};

#[test]
fn slow_down_lengthens_the_interval() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| script.polls.push_back(refusal("slow_down")));
    let began = Instant::now();
    workstation.login(&server.host());
    let polls: Vec<Instant> = server.requests("/oauth/token").iter().map(|request| request.at).collect();
    assert_eq!(polls.len(), 2);
    assert!(polls[0] - began >= Duration::from_secs(1), "no poll before the first interval");
    assert!(polls[1] - polls[0] >= Duration::from_secs(6), "{:?}", polls[1] - polls[0]);
}

#[test]
fn an_interval_longer_than_the_code_lives_does_not_prevent_the_polls() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| {
        script.code = json!({ "interval": u64::MAX, "expires_in": 4 });
        script.polls.push_back(refusal("slow_down"));
    });
    workstation.login(&server.host());
    assert_eq!(server.requests("/oauth/token").len(), 2);
}

#[test]
fn a_refusal_ends_the_polling_with_a_sentence_and_stores_nothing() {
    for (code, sentence) in [
        ("access_denied", "the sign-in to HOST was denied"),
        ("expired_token", "the code expired before you approved it: run docker-credential-dockpass login HOST again"),
        ("invalid_grant", "http://HOST refused: the words for invalid_grant (invalid_grant)"),
    ] {
        let (server, workstation) = (FakeServer::start(), Workstation::new());
        server.configure(|script| script.polls.push_back(refusal(code)));
        let said = workstation.run(&["login", &server.host()]);
        assert_eq!(said.code, Some(1));
        assert_eq!(said.stdout.lines().last().unwrap(), sentence.replace("HOST", &server.host()));
        assert!(!workstation.file().exists() && !workstation.home.path().join(".docker").exists());
        assert_eq!(workstation.call("get", &server.host()).stdout, NOT_FOUND);
    }
}

#[test]
fn a_code_that_nobody_approves_expires() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| {
        script.code = json!({ "expires_in": 2 });
        script.polls = vec![refusal("authorization_pending"); 9].into();
    });
    let said = workstation.run(&["login", &server.host()]);
    assert!(said.stdout.ends_with(&format!("run docker-credential-dockpass login {} again\n", server.host())));
    assert_eq!(server.requests("/oauth/token").len(), 2);
}

#[test]
fn a_failing_server_is_polled_again() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| script.polls.extend([(502, json!("bad gateway")), (429, json!({}))]));
    workstation.login(&server.host());
    let polls: Vec<Instant> = server.requests("/oauth/token").iter().map(|request| request.at).collect();
    assert!(polls.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(2)), "after a pause twice as long");
}

#[test]
fn a_code_that_expires_while_the_server_is_unreachable_is_not_blamed_on_the_person() {
    let (mut server, workstation) = (FakeServer::start(), Workstation::new());
    let again = format!("run docker-credential-dockpass login {} again", server.host());
    server.configure(|script| {
        script.code = json!({ "expires_in": 2 });
        script.polls = vec![(429, json!({})); 9].into();
    });
    let said = workstation.run(&["login", &server.host()]).stdout;
    let limited = format!("http://{} got too many requests: try again later", server.host());
    assert_eq!(said.lines().last().unwrap(), format!("{limited}, and the code expired meanwhile: {again}"));
    let mut login = workstation.command(&["login", &server.host()]).spawn().unwrap();
    let mut stdout = BufReader::new(login.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    server.stop();
    stdout.read_to_string(&mut said).unwrap();
    assert_eq!(login.wait().unwrap().code(), Some(1));
    let unreachable = format!("http://{} cannot be reached: Connection refused", server.host());
    let last = said.lines().last().unwrap();
    assert!(
        last.starts_with(&unreachable) && last.ends_with(&format!(", and the code expired meanwhile: {again}")),
        "{said}"
    );
}
