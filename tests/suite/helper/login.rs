//! `login HOST`.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    server::{Server, refusal},
    workstation::{NOT_FOUND, Workstation},
};

#[test]
fn a_sign_in_prints_code_and_address_and_keeps_the_token() {
    let (server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| script.polls.push_back(refusal("authorization_pending")));
    let host = server.host();
    let said = workstation.login(&host);
    let home = workstation.home.path().display();
    let expected = [
        format!("to sign in to {host}, open http://{host}/device and enter the code WDJB-MJHT"),
        format!("or open http://{host}/device?user_code=WDJB-MJHT and compare the code"),
        "waiting for your approval, 10:00 left".to_owned(),
        format!("signed in to {host} as alice"),
        format!("the token is stored in {home}/.local/share/dockpass/credentials.json (no keyring answers)"),
        format!("docker asks this program for {host} from now on: {home}/.docker/config.json"),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    assert_eq!(workstation.get(&host), ("alice".to_owned(), "dp_dev_1".to_owned()));
    assert_eq!(workstation.mode(".local/share/dockpass"), 0o700);
    assert_eq!(workstation.mode(".local/share/dockpass/credentials.json"), 0o600);
    let begun = server.asked("/oauth/device/code");
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0].fields["client_id"], "docker-credential-dockpass");
    assert!(!begun[0].fields["device_name"].is_empty());
    for poll in server.asked("/oauth/token") {
        let expected = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": "a-secret-device-code",
            "client_id": "docker-credential-dockpass",
        });
        assert_eq!(json!(poll.fields), expected);
    }
}

#[test]
fn a_scheme_and_a_path_are_no_part_of_the_host() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&format!("https://{}/v2/", server.host()));
    assert_eq!(workstation.list(), json!({ server.host(): "alice" }));
    assert_eq!(workstation.ask("get", &format!("http://{}/", server.host())).code, Some(0));
    let said = workstation.run(&["login", &format!("{}/alice/app", server.host())]).failed();
    assert_eq!(said, "that is no registry host: it is written host or host:port");
}

#[test]
fn slow_down_slows_and_the_interval_is_kept() {
    let (server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| script.polls.extend([refusal("slow_down"), refusal("authorization_pending")]));
    let began = Instant::now();
    workstation.login(&server.host());
    let polls: Vec<Instant> = server.asked("/oauth/token").iter().map(|asked| asked.at).collect();
    assert_eq!(polls.len(), 3);
    assert!(polls[0] - began >= Duration::from_secs(1), "no question before the first interval");
    for pair in polls.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_secs(6), "{:?}", pair[1] - pair[0]);
    }
}

#[test]
fn an_interval_longer_than_the_code_lives_does_not_keep_the_program_from_asking() {
    let (server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| {
        script.code = json!({ "interval": u64::MAX, "expires_in": 4 });
        script.polls.push_back(refusal("slow_down"));
    });
    workstation.login(&server.host());
    assert_eq!(server.asked("/oauth/token").len(), 2);
}

#[test]
fn a_refusal_ends_the_waiting_with_a_sentence_and_keeps_nothing() {
    for (code, sentence) in [
        ("access_denied", "the sign-in to HOST was denied"),
        ("expired_token", "the code ended before it was approved: run docker-credential-dockpass login HOST again"),
        ("invalid_grant", "http://HOST refused: the words for invalid_grant (invalid_grant)"),
    ] {
        let (server, workstation) = (Server::start(), Workstation::new());
        server.say(|script| script.polls.push_back(refusal(code)));
        let said = workstation.run(&["login", &server.host()]);
        assert_eq!(said.code, Some(1));
        assert_eq!(said.stdout.lines().last().unwrap(), sentence.replace("HOST", &server.host()));
        assert!(!workstation.file().exists() && !workstation.home.path().join(".docker").exists());
        assert_eq!(workstation.ask("get", &server.host()).stdout, NOT_FOUND);
    }
}

#[test]
fn a_code_that_nobody_approves_ends_by_itself() {
    let (server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| {
        script.code = json!({ "expires_in": 2 });
        script.polls = vec![refusal("authorization_pending"); 9].into();
    });
    let said = workstation.run(&["login", &server.host()]);
    assert!(said.stdout.ends_with(&format!("run docker-credential-dockpass login {} again\n", server.host())));
    assert_eq!(server.asked("/oauth/token").len(), 2);
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    let (server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| script.polls.extend([(502, json!("bad gateway")), (429, json!({}))]));
    workstation.login(&server.host());
    let polls: Vec<Instant> = server.asked("/oauth/token").iter().map(|asked| asked.at).collect();
    assert!(polls.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(2)), "after a pause twice as long");
}

#[test]
fn while_the_server_is_away_that_is_shown_and_not_that_a_person_is_waited_for() {
    let (server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| script.polls.extend([(502, json!("bad gateway")), refusal("authorization_pending")]));
    let said = workstation.login(&server.host());
    let shown: Vec<&str> =
        said.lines().filter_map(|line| line.strip_suffix(" left")?.rsplit_once(", ")).map(|(what, _)| what).collect();
    let waiting = "waiting for your approval";
    assert_eq!(shown, [waiting, "the server cannot be reached and is tried again", waiting], "{said}");
}

#[test]
fn a_code_that_ends_while_the_server_is_away_is_not_laid_to_the_person() {
    let (mut server, workstation) = (Server::start(), Workstation::new());
    let again = format!("run docker-credential-dockpass login {} again", server.host());
    server.say(|script| {
        script.code = json!({ "expires_in": 2 });
        script.polls = vec![(429, json!({})); 9].into();
    });
    let said = workstation.run(&["login", &server.host()]).stdout;
    let limited = format!("http://{} was asked too often: try again later", server.host());
    assert_eq!(said.lines().last().unwrap(), format!("{limited}, and the code ended meanwhile: {again}"));
    let mut login = workstation.command(&["login", &server.host()]).spawn().unwrap();
    let mut stdout = BufReader::new(login.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    server.goes_away();
    stdout.read_to_string(&mut said).unwrap();
    assert_eq!(login.wait().unwrap().code(), Some(1));
    let away = format!("http://{} cannot be reached: Connection refused", server.host());
    let last = said.lines().last().unwrap();
    assert!(last.starts_with(&away) && last.ends_with(&format!(", and the code ended meanwhile: {again}")), "{said}");
}

#[test]
fn a_second_sign_in_ends_the_first_on_the_server() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    let said = workstation.login(&server.host());
    assert!(said.contains("docker asks this program for") && said.contains("already"), "{said}");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
}

#[test]
fn a_realm_elsewhere_must_be_https() {
    let (server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| script.realm = Some("http://hub.example.com/token".to_owned()));
    let said = workstation.run(&["login", &server.host()]).failed();
    let host = server.host();
    assert_eq!(said, format!("{host} names the token server http://hub.example.com, which is not reached by https"));
}

#[test]
fn metadata_that_lead_elsewhere_are_not_followed() {
    let (server, workstation) = (Server::start(), Workstation::new());
    for endpoint in ["device_authorization_endpoint", "token_endpoint", "revocation_endpoint"] {
        server.say(|script| script.metadata = json!({ endpoint: "https://elsewhere.example.com/x" }));
        let said = workstation.run(&["login", &server.host()]).failed();
        assert!(said.ends_with("names endpoints of another server, which are not used"), "{said}");
    }
    assert!(server.asked("/oauth/device/code").is_empty());
}

#[test]
fn metadata_of_another_server_are_not_used() {
    let (server, workstation) = (Server::start(), Workstation::new());
    for (issuer, said) in [("https://elsewhere.example.com", "https://elsewhere.example.com/"), ("urn:x", "urn:x")] {
        server.say(|script| script.metadata = json!({ "issuer": issuer }));
        let sentence =
            format!("http://{} gives the metadata of another server, {said}: they are not used", server.host());
        assert_eq!(workstation.run(&["login", &server.host()]).failed(), sentence);
    }
    assert!(server.asked("/oauth/device/code").is_empty());
    // Whoever names none is taken at the word of its address.
    for issuer in [json!(null), json!(format!("http://{}/dockpass", server.host()))] {
        server.say(|script| script.metadata = json!({ "issuer": issuer }));
        workstation.login(&server.host());
    }
}

#[test]
fn an_odd_code_or_address_reaches_neither_terminal_nor_browser() {
    let (server, workstation) = (Server::start(), Workstation::new());
    for odd in [
        json!({ "user_code": "\u{1b}[2J" }),
        json!({ "verification_uri": "file:///etc/passwd" }),
        json!({ "verification_uri_complete": "https://elsewhere.example.com/" }),
    ] {
        server.say(|script| script.code = odd);
        let said = workstation.run(&["login", &server.host()]).failed();
        assert!(said.ends_with("answered with an odd code or address"), "{said}");
    }
}

#[test]
fn a_registry_without_device_sign_in_is_told_from_one_that_is_away() {
    let (mut server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| script.metadata = json!({ "token_endpoint": null }));
    let (host, login) = (server.host(), |host: &str| workstation.run(&["login", host]).failed());
    assert_eq!(login(&host), format!("http://{host} offers no sign-in for devices"));
    server.goes_away();
    assert!(login(&host).starts_with(&format!("{host} cannot be reached: Connection refused")), "{}", login(&host));
    assert_eq!(login("a b"), "that is no registry host: it is written host or host:port");
    assert_eq!(login(""), "no credentials server URL");
}

#[test]
fn a_token_that_cannot_be_kept_is_given_back() {
    let (server, workstation) = (Server::start(), Workstation::new());
    // The program's own place for the file is taken by a folder.
    let folder = workstation.file();
    std::fs::create_dir_all(folder.parent().unwrap().join(".credentials.json.dockpass/x")).unwrap();
    let said = workstation.run(&["login", &server.host()]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.lines().last().unwrap().contains("credentials.json cannot be written"), "{}", said.stdout);
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
}

#[test]
fn the_browser_opens_where_a_display_is_and_nobody_said_no() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let opened = workstation.home.path().join("opened");
    let opener = workstation.home.path().join("bin/xdg-open");
    std::fs::create_dir(opener.parent().unwrap()).unwrap();
    std::fs::write(&opener, format!("#!/bin/sh\necho \"$1\" >> {}\n", opened.display())).unwrap();
    std::fs::set_permissions(&opener, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let login = |more: &[&str], display: &str| {
        let mut command = workstation.command(&["login", &server.host()]);
        let path = format!("{}:/usr/bin:/bin", opener.parent().unwrap().display());
        let said = command.args(more).env("PATH", path).env("DISPLAY", display).output().unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    assert!(!login(&["--no-browser"], ":1").contains("your browser opens"));
    assert!(!login(&[], "").contains("your browser opens"));
    assert!(!opened.exists());
    let said = login(&[], ":1");
    assert!(said.contains("your browser opens") && said.contains("WDJB-MJHT"), "{said}");
    assert!(said.ends_with("docker-credential-dockpass is not on your PATH: put it there, or docker cannot find it\n"));
    let url = format!("http://{}/device?user_code=WDJB-MJHT\n", server.host());
    assert_eq!(std::fs::read_to_string(opened).unwrap(), url);
}

/// What a login shows on a terminal, which script gives it.
fn on_a_terminal(server: &Server, workstation: &Workstation) -> String {
    let program = format!("{} login {}", *super::workstation::PROGRAM, server.host());
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &program, "/dev/null"]).env_clear().env("HOME", workstation.home.path()).env("TERM", "xterm");
    command.env("PATH", "/usr/bin:/bin").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn on_a_terminal_the_waiting_moves() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let said = on_a_terminal(&server, &workstation);
    let frames: Vec<&str> = said.matches("waiting for your approval").collect();
    assert!(frames.len() >= 3, "{said:?}");
    assert!(said.contains("\r\u{1b}[K/ waiting") && said.contains("\r\u{1b}[K- waiting"), "{said:?}");
    assert!(said.contains("\r\u{1b}[Ksigned in to"), "{said:?}");
}

#[test]
fn the_waiting_moves_while_the_server_takes_its_time() {
    let (server, workstation) = (Server::start(), Workstation::new());
    server.say(|script| script.poll_takes = Duration::from_secs(8));
    // In the second before the question it can show five or six.
    let said = on_a_terminal(&server, &workstation);
    assert!(said.matches("waiting for your approval").count() >= 12, "{said:?}");
}
