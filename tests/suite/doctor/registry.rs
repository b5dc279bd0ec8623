//! `dockpass doctor`: addresses without a registry, the registry's configuration file, and notifications. tests/registry has
//! the tests with a real registry.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use dockpass::platform::clock::Clock;
use time::Duration;
use time::format_description::well_known::Rfc2822;

use super::running_server::{RunningServer, fake, http};
use crate::harness::program::run;

#[tokio::test]
async fn notifications_are_checked_from_the_registrys_file_to_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret").display().to_string();
    fs::write(&secret, "a-shared-secret-of-tests\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let server = RunningServer::start_with(&["--events-secret-file", &secret]).await;
    let base = &server.program.base;
    let trust = server.folder.path().join("trust").display().to_string();
    let config =
        ["--events-secret-file", &secret, "registry-config", "--registry-version", "2", "--out", trust.as_str()];
    let (_, yaml, _) = server.run(base.split_at(7).1, &config);
    let about = |secret: Option<&str>, yaml: &str| {
        let file = server.write("registry.yml", yaml);
        let mut more = vec!["--registry-config", &file];
        more.extend(secret.map(|secret| ["--events-secret-file", secret]).into_iter().flatten());
        let (code, lines, _) = server.doctor(&more);
        let lines = lines.into_iter().filter(|line| line.contains("notifications: "));
        (code, lines.map(|line| line.replace(base.as_str(), "BASE")).collect::<Vec<_>>())
    };
    let right = [
        "OK       file's notifications: the registry sends them with the secret of --events-secret-file",
        "OK       notifications: BASE/registry/events accepts the secret; whether the registry's machine reaches that \
         address cannot be seen from here",
    ];
    assert_eq!(about(Some(&secret), &yaml), (Some(0), right.map(str::to_owned).to_vec()));

    let only = |secret: Option<&str>, yaml: &str, sentence: &str| {
        let (code, lines) = about(secret, yaml);
        assert!(
            code == Some(1) && lines.len() == 1 && lines[0].starts_with(&format!("WRONG    {sentence}")),
            "{lines:#?}"
        );
    };
    only(None, &yaml, "notifications: the registry's file has an endpoint for them, but the server's");
    let (auth, _) = yaml.split_once("notifications:").unwrap();
    only(Some(&secret), auth, "notifications: the registry's file has no endpoint for them: add the notifications");
    let other = yaml.replace("of-tests", "of-others");
    only(Some(&secret), &other, "file's notifications: the endpoint does not send the secret");
    let disabled = yaml.replace("- name: dockpass", "- name: dockpass\n      disabled: true");
    only(Some(&secret), &disabled, "file's notifications: the endpoint is disabled");
    let (code, lines) = about(Some(&secret), &yaml.replace("includereferences: true", "includereferences: false"));
    assert!(code == Some(0) && lines[0].starts_with("WARNING  file's notifications: a pushed index"), "{lines:#?}");
    // A name that only the registry's network knows.
    let inside = yaml.replace(&format!("url: \"{base}"), "url: \"http://dockpass.invalid:8080");
    let (code, lines) = about(Some(&secret), &inside);
    assert!(
        code == Some(0) && lines[1].starts_with("SKIPPED  notifications: http://dockpass.invalid:8080/"),
        "{lines:#?}"
    );

    let others = server.write("other.secret", "another-secret-of-tests");
    let yaml = yaml.replace("a-shared-secret-of-tests", "another-secret-of-tests");
    let (code, lines) = about(Some(&others), &yaml);
    assert!(
        code == Some(1) && lines[1].starts_with("WRONG    notifications: BASE/registry/events has another"),
        "{lines:#?}"
    );
    let closed = RunningServer::start().await;
    let (code, lines, _) = closed.doctor(&["--events-secret-file", &secret]);
    let is_closed =
        |line: &String| line.ends_with("/registry/events is closed: start the server with --events-secret-file");
    assert!(code == Some(1) && lines.iter().any(is_closed), "{lines:#?}");
}

#[tokio::test]
async fn addresses_without_a_registry_are_explained() {
    let server = RunningServer::start().await;
    let at = "registry: http://HOST/v2/";
    let html = || http("200 OK", &["Content-Type: text/html"], "<html>");
    assert_eq!(server.registry(move |_| html()), format!("{at} is not a registry: it answers 200 with text/html"));
    let nowhere = || http("404 Not Found", &["Content-Type: text/plain; charset=utf-8"], "404 page not found\n");
    assert_eq!(server.registry(move |_| nowhere()), format!("{at} is not a registry: it answers 404 with text/plain"));
    let away = || http("301 Moved", &["Location: https://hub.example.com/v2/"], "");
    let advice = "redirects to \"https://hub.example.com/v2/\": use that address, here and in the clients";
    assert_eq!(server.registry(move |_| away()), format!("{at} {advice}"));
    let silent = || http("401 Unauthorized", &[], "{}");
    let advice = "answers 401 without a WWW-Authenticate header: perhaps a proxy drops it";
    assert_eq!(server.registry(move |_| silent()), format!("{at} {advice}"));
    let noise = server.registry(|_| "220 mail.example.com ESMTP\r\n".to_owned());
    assert!(noise.starts_with(&format!("{at} does not answer: ")), "{noise}");
    let closed = server.registry(|_| String::new());
    assert!(closed.starts_with(&format!("{at} does not answer: ")), "{closed}");
}

#[tokio::test]
async fn a_registry_that_never_answers_times_out() {
    let server = RunningServer::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (code, lines, _) = server.doctor(&["--registry-url", &url]);
    assert_eq!(code, Some(1));
    assert_eq!(lines.last().unwrap(), &format!("WRONG    registry: {url}/v2/ does not answer within 10 seconds"));
}

#[tokio::test]
async fn dockpass_is_not_a_registry() {
    let server = RunningServer::start().await;
    let (code, lines, _) = server.doctor(&["--registry-url", &server.program.base]);
    let sentence =
        format!("WRONG    token: {}/v2/ is Dockpass itself: give the registry's own address", server.program.base);
    assert_eq!((code, lines.last()), (Some(1), Some(&sentence)));
}

#[tokio::test]
async fn a_registrys_clock_is_compared_and_used_for_the_token() {
    let server = RunningServer::start().await;
    let challenge = server.challenge();
    let theirs = Clock::System.now() - Duration::hours(5);
    let date = format!("Date: {}", theirs.as_utc().format(&Rfc2822).unwrap().replace("+0000", "GMT"));
    // It checks the token's times as a registry does.
    let registry = move |head: &str| {
        let bearer = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
        let is_now = |token: &str| {
            let claims = crate::harness::claims(token);
            let (from, to) = (claims["nbf"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
            (from - 60..to + 60).contains(&theirs.seconds())
        };
        match bearer.is_some_and(is_now) {
            true => http("200 OK", &[&date], "{}"),
            false => http("401 Unauthorized", &[&date, &challenge], "{}"),
        }
    };
    let (code, lines, _) = server.doctor(&["--registry-url", &fake(registry)]);
    let sentence = "WRONG    registry's clock: it is 5 hours behind this machine's: registry tokens are valid for 5 \
                    minutes, so synchronize both clocks with a time server";
    assert!(code == Some(1) && lines.iter().any(|line| line == sentence), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("WRONG")).count(), 1, "{lines:#?}");
}

fn bundle(folder: &Path) -> String {
    fs::read_to_string(folder.join("trust/bundle.pem")).unwrap()
}

#[tokio::test]
async fn each_setting_in_the_registrys_file_is_checked() {
    let server = RunningServer::start().await;
    let (folder, base) = (server.folder.path(), &server.program.base);
    let trust = folder.join("trust").display().to_string();
    let config = ["registry-config", "--registry-version", "3", "--out", &trust];
    let good =
        format!("version: 0.1\nstorage: {{delete: {{enabled: true}}}}\n{}", server.run(base.split_at(7).1, &config).1);
    let path = folder.join("trust/bundle.pem").display().to_string();
    let right = [
        format!("OK       file's realm: \"{base}/token\""),
        "OK       file's service: \"dockpass\"".to_owned(),
        "OK       file's issuer: \"dockpass\"".to_owned(),
        format!("OK       file's rootcertbundle: {path} contains this server's root certificate"),
    ];
    assert_eq!(server.file(&good), right);
    let only = |content: &str| {
        let lines = server.file(content);
        let other: Vec<_> = lines.into_iter().filter(|line| !right.contains(line)).collect();
        assert_eq!(other.len(), 1, "{other:#?}");
        other.into_iter().next().unwrap()
    };

    let (write, replace) = (
        "add what `dockpass registry-config` prints",
        "replace the auth section with what `dockpass registry-config` prints",
    );
    let section = "WRONG    registry's file: FILE";
    let without = |key: &str| {
        let lines = good.lines().filter(|line| !line.contains(key));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let jwks = folder.join("trust/jwks.json").display().to_string();
    let alone = "it is missing: with only jwks, a registry refuses tokens that contain their certificate; write it";
    let unread = "/nowhere/bundle.pem cannot be read here; if the registry runs in a container";
    let open = "has no auth section, so the registry lets everyone in";
    let cases = [
        ("auth: [".to_owned(), format!("{section} is not valid YAML: ")),
        ("version: 0.1\n".to_owned(), format!("{section} {open}: {write}")),
        (
            "auth:\n  htpasswd: {realm: r}\n".to_owned(),
            format!("{section} has \"htpasswd\" below auth instead of token: {replace}"),
        ),
        ("auth:\n  token:\n".to_owned(), format!("{section} has nothing below auth.token: {replace}")),
        (
            good.replace("  token:", "  htpasswd: {realm: r}\n  token:"),
            format!(
                "{section} has \"htpasswd\" beside token below auth, so the registry does not start: remove htpasswd"
            ),
        ),
        (
            "auth:\n  htpasswd: {realm: r}\n".to_owned() + &good,
            format!(
                "{section} has auth twice, again in line 5, and a registry reads only one of them: remove the other"
            ),
        ),
        (
            without("service"),
            "WRONG    file's service: it is missing: write `service: \"dockpass\"` below auth.token".to_owned(),
        ),
        (
            good.replace("service: \"dockpass\"", "service: 5000"),
            "WRONG    file's service: it is \"5000\" and must be \"dockpass\": ".to_owned(),
        ),
        (
            good.clone() + "    autoredirect: true\n",
            "WRONG    file's autoredirect: it is on, so clients are sent to the registry's own host".to_owned(),
        ),
        (good.replace("[ES256]", "[EdDSA, RS256]"), "WRONG    file's signingalgorithms: ES256 is missing".to_owned()),
        (without("rootcertbundle"), format!("WRONG    file's rootcertbundle: {alone}")),
        (good.replace(&path, "/nowhere/bundle.pem"), format!("SKIPPED  file's rootcertbundle: {unread}")),
        (good.replace(&path, &jwks), format!("WRONG    file's rootcertbundle: {jwks} contains no certificate: ")),
    ];
    for (content, line) in cases {
        let found = only(&content);
        assert!(found.starts_with(&line), "{line}\n{found}");
    }
    assert_eq!(server.file(&good.replace(&path, "trust/bundle.pem")), right, "a path relative to the file");
    fs::write(folder.join("both.pem"), format!("an old one:\n{}{}", bundle(folder), bundle(folder))).unwrap();
    let both = folder.join("both.pem").display().to_string();
    assert!(
        only(&good.replace(&path, &both)).starts_with("OK       file's rootcertbundle"),
        "more than one is allowed"
    );
    let (code, lines, _) = server.doctor(&["--registry-config", "/nowhere/registry.yml"]);
    let missing =
        "WRONG    registry's file: /nowhere/registry.yml cannot be read: No such file or directory (os error 2)";
    assert!(code == Some(1) && lines.iter().any(|line| line == missing), "{lines:#?}");
}

#[test]
fn an_invalid_registry_url_is_a_usage_error() {
    for address in ["hub.example.com", "ftp://hub", "http://hub/alice", "http://a:b@hub"] {
        let output = run(&["doctor", "--registry-url", address]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains("must be http:// or https://"), "{error}");
    }
}

#[tokio::test]
async fn addresses_that_some_clients_refuse_are_named_and_are_no_mistake() {
    let server = RunningServer::start().await;
    let warnings = |realm: &str, same_host: bool| {
        let realm = realm.to_owned();
        let url = fake(move |head| {
            let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
            let realm = if same_host { format!("http://{host}/token") } else { realm.clone() };
            http("401 Unauthorized", &[&format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"dockpass\"")], "")
        });
        let (_, lines, _) = server.doctor(&["--registry-url", &url]);
        let warning = |line: String| line.strip_prefix("WARNING  ").map(str::to_owned);
        lines.into_iter().filter_map(warning).collect::<Vec<_>>()
    };
    let advice = "give the registry and this server one host name, behind https";
    let plain = format!("plain http: docker's CLI from 28.5 on refuses it where no Docker Engine runs: {advice}");
    for realm in ["http://127.0.0.1:1/token", "http://10.1.2.3/token", "https://[::1]/token", "https://[fd00::1]/token"]
    {
        let private = "is a private or loopback address and not the registry's own, which crane from 0.21.5 on and oras \
                       refuse";
        assert_eq!(warnings(realm, false), [format!("registry's realm: {realm} {private}: {advice}"), plain.clone()]);
    }
    for realm in ["https://hub.example.com/token", "http://localhost:1/token", "https://203.0.113.7/token"] {
        assert_eq!(warnings(realm, false), [plain.as_str()], "{realm}");
    }
    assert_eq!(warnings("", true), [plain]);
}
