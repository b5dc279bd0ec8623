//! `dockpass doctor` with Debian's docker-registry, with right and with wrong settings.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::client::run;
use crate::harness::PASSWORD;
use crate::harness::program::{self, Program};
use crate::registry_host::Running;

/// A server and the folder for its files.
struct Ward {
    folder: TempDir,
    address: String,
    _server: Program,
}

/// A running registry and its configuration file.
struct Patient {
    url: String,
    file: String,
    _running: Running,
}

impl Ward {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Program::start(&folder.path().join("data"), &[]);
        let address = server.base.trim_start_matches("http://").to_owned();
        Self { folder, address, _server: server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The output of `dockpass registry-config`.
    fn auth(&self) -> String {
        let (data, trust) = (self.text("data"), self.text("trust"));
        let version = ["registry-config", "--registry-version", "2", "--out", &trust];
        let arguments = [&["--data", &data, "--listen", &self.address], version.as_slice()].concat();
        run(&mut program::command(&arguments), "").succeed()
    }

    /// A registry with `end` at the end of its configuration file, and with this environment.
    fn patient(&self, end: &str, environment: &[(&str, &str)]) -> Patient {
        let file = self.path("registry.yml");
        let storage = self.path("storage");
        let http = if end.contains("http:") { "" } else { "http: {addr: 127.0.0.1:0, secret: anything}\n" };
        let head = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: {storage:?}}}\n  delete: {{enabled: true}}\n"
        );
        fs::write(&file, format!("{head}{http}{end}")).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REGISTRY_")) {
            command.env_remove(name);
        }
        command.envs(environment.iter().copied());
        let stderr = |child: &mut Child| child.stderr.take().unwrap();
        let (running, host) = Running::start(&mut command, stderr, "listening on ");
        let url = format!("http://{}", host.trim_end_matches(','));
        Patient { url, file: file.display().to_string(), _running: running }
    }

    /// Whether everything is right, and the lines about the registry. The checks of the server are always right here.
    #[track_caller]
    fn doctor(&self, more: &[&str], environment: &[(&str, &str)]) -> (bool, Vec<String>) {
        let data = self.text("data");
        let arguments = [&["--data", &data, "--listen", &self.address, "doctor"], more].concat();
        let said = run(program::command(&arguments).envs(environment.iter().copied()), "");
        let checks = said.stdout.split("\nLeft to set up").next().unwrap();
        let mut lines: Vec<String> = checks.lines().map(str::to_owned).collect();
        let own = ["settings: ", "database: ", "keys: ", "file modes: ", "public URL: ", "public URL's clock: "];
        for check in own {
            let line = lines.remove(0);
            assert!(line.starts_with(&format!("OK       {check}")), "{line}");
        }
        // Every set-up here has loopback addresses and no notifications, and this machine may have a registry of its own.
        let other = ["registry's file: /etc/docker/registry/config.yml ", "notifications: without", "plain http: "];
        let is_other = |line: &str| other.iter().any(|start| line[9..].starts_with(start));
        lines.retain(|line| !is_other(line) && !line.contains("crane from 0.21.5"));
        assert_eq!(said.stderr.is_empty(), said.succeeded, "{}", said.stderr);
        (said.succeeded, lines)
    }

    fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }
}

/// The only line that is wrong.
#[track_caller]
fn wrong((is_well, lines): &(bool, Vec<String>)) -> &str {
    let wrong: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("WRONG    ")).collect();
    assert!(!is_well && wrong.len() == 1, "{lines:#?}");
    wrong[0]
}

const CLOCK: &str = "OK       registry's clock: it agrees with this machine's";
const TAKEN: &str = "OK       token: the registry accepts one from this server: issuer and certificate match";
const HIDDEN: &str = "token: the registry refuses one from this server: either the issuer is wrong, which must be \
                      \"dockpass\", or the certificate is not in the registry's rootcertbundle. Configure both as \
                      `dockpass registry-config` prints them and restart the registry, or give --registry-config FILE to \
                      compare them; the registry's log also names the reason";
const MEND: &str = "token: the registry refuses one from this server: change its configuration file as described above \
                    and restart the registry";

#[test]
fn a_registry_with_what_registry_config_printed_is_well() {
    let ward = Ward::open();
    let patient = ward.patient(&ward.auth(), &[]);
    let realm = ward.realm();
    let asked = [
        format!("OK       registry: {}/v2/ asks for a token", patient.url),
        format!("OK       registry's realm: \"{realm}\""),
        "OK       registry's service: \"dockpass\"".to_owned(),
        CLOCK.to_owned(),
        TAKEN.to_owned(),
        "OK       catalog: the registry has no repositories".to_owned(),
    ];
    let bundle = ward.text("trust/bundle.pem");
    let environment = "REGISTRY_AUTH_TOKEN_… variables override the file, but cannot be read from here";
    let compared = [
        format!("OK       file's realm: \"{realm}\""),
        "OK       file's service: \"dockpass\"".to_owned(),
        "OK       file's issuer: \"dockpass\"".to_owned(),
        format!("OK       file's rootcertbundle: {bundle} contains this server's root certificate"),
        format!("SKIPPED  registry's environment: {environment}"),
    ];
    let url = ["--registry-url", patient.url.as_str()];
    assert_eq!(ward.doctor(&url, &[]), (true, asked.to_vec()));
    let both = ward.doctor(&[&url, ["--registry-config", &patient.file].as_slice()].concat(), &[]);
    assert_eq!(both, (true, [compared.to_vec(), asked.to_vec()].concat()));
}

#[test]
fn another_realm_or_service_is_named_with_what_to_write() {
    let ward = Ward::open();
    let realm = ward.realm();
    let patient = ward.patient(&ward.auth().replace(&realm, "http://elsewhere.example/token"), &[]);
    let sentence = format!(
        "it is \"http://elsewhere.example/token\" and must be \"{realm}\": write `realm: \"{realm}\"` below \
         auth.token, or give the server's --public-url"
    );
    let found = ward.doctor(&["--registry-url", &patient.url], &[]);
    assert_eq!(wrong(&found), format!("registry's realm: {sentence}"));
    assert!(found.1.iter().any(|line| line == TAKEN), "the rest is told all the same");

    let patient = ward.patient(&ward.auth().replace("service: \"dockpass\"", "service: hub"), &[]);
    let sentence = "it is \"hub\" and must be \"dockpass\": write `service: \"dockpass\"` below auth.token, or give \
                    the server's --registry-service";
    let found = ward.doctor(&["--registry-url", &patient.url], &[]);
    assert_eq!(wrong(&found), format!("registry's service: {sentence}"));
    assert!(found.1.iter().any(|line| line == TAKEN));
    let (_, lines) = ward.doctor(&["--registry-url", &patient.url, "--registry-config", &patient.file], &[]);
    assert!(lines.contains(&format!("WRONG    file's service: {sentence}")), "{lines:#?}");
}

#[test]
fn another_issuer_is_told_by_the_file_alone() {
    let ward = Ward::open();
    let patient = ward.patient(&ward.auth().replace("issuer: \"dockpass\"", "issuer: someone"), &[]);
    assert_eq!(wrong(&ward.doctor(&["--registry-url", &patient.url], &[])), HIDDEN);
    let (is_well, lines) = ward.doctor(&["--registry-url", &patient.url, "--registry-config", &patient.file], &[]);
    let expected = "WRONG    file's issuer: it is \"someone\" and must be \"dockpass\": write `issuer: \"dockpass\"` \
                    below auth.token, or give the server's --issuer";
    assert!(!is_well && lines.iter().any(|line| line == expected), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), &format!("WRONG    {MEND}"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("WRONG")).count(), 2, "{lines:#?}");
}

#[test]
fn another_certificate_is_told_by_the_file_alone() {
    let (ward, other) = (Ward::open(), Ward::open());
    let theirs = other.auth().replace(&other.realm(), &ward.realm());
    let patient = ward.patient(&theirs, &[]);
    assert_eq!(wrong(&ward.doctor(&["--registry-url", &patient.url], &[])), HIDDEN);
    let (is_well, lines) = ward.doctor(&["--registry-url", &patient.url, "--registry-config", &patient.file], &[]);
    let expected = format!(
        "WRONG    file's rootcertbundle: {} does not contain this server's root certificate; perhaps it is from another \
         database: write it with `dockpass registry-config` and restart the registry",
        other.text("trust/bundle.pem")
    );
    assert!(!is_well && lines.contains(&expected), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), &format!("WRONG    {MEND}"));
}

#[test]
fn a_bundle_that_cannot_be_read_here_leaves_the_certificate() {
    let (ward, other) = (Ward::open(), Ward::open());
    let theirs = other.auth().replace(&other.realm(), &ward.realm());
    let patient = ward.patient(&theirs, &[]);
    // As with a registry in a container: the file exists only there.
    let file = ward.path("as-in-the-container.yml");
    let hidden = fs::read_to_string(&patient.file).unwrap();
    fs::write(&file, hidden.replace(&other.text("trust/bundle.pem"), "/etc/trust/bundle.pem")).unwrap();
    let file = file.display().to_string();
    let found = ward.doctor(&["--registry-url", &patient.url, "--registry-config", &file], &[]);
    let sentence = "token: the registry refuses one from this server although realm, service and issuer in its \
                    configuration file are right: check the certificate, which cannot be read here. The registry's \
                    rootcertbundle must be the bundle.pem that `dockpass registry-config` writes. Restart the registry \
                    after a change; its log also names the reason";
    assert_eq!(wrong(&found), sentence);
    let skipped = "SKIPPED  file's rootcertbundle: /etc/trust/bundle.pem cannot be read here; if the registry runs in a \
                   container, check the file inside it";
    assert!(found.1.iter().any(|line| line == skipped), "{found:#?}");
}

#[test]
fn a_file_that_is_right_leaves_a_restart_and_the_environment() {
    let ward = Ward::open();
    let patient = ward.patient(&ward.auth(), &[("REGISTRY_AUTH_TOKEN_ISSUER", "someone")]);
    let found = ward.doctor(&["--registry-url", &patient.url, "--registry-config", &patient.file], &[]);
    let sentence = "token: the registry refuses one from this server although its configuration file is right: \
                    restart the registry, because it reads the file only at its start, and check that its environment \
                    does not set REGISTRY_AUTH_TOKEN_ISSUER or REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE";
    assert_eq!(wrong(&found), sentence);
}

#[test]
fn a_registry_that_knows_no_tokens_is_told_what_to_have() {
    let ward = Ward::open();
    let patient = ward.patient("", &[]);
    let found = ward.doctor(&["--registry-url", &patient.url], &[]);
    let open = format!(
        "{}/v2/ lets everyone in, because its configuration has no auth section: add what `dockpass registry-config` \
         prints",
        patient.url
    );
    assert_eq!(wrong(&found), format!("registry: {open}"));

    fs::write(ward.path("htpasswd"), "").unwrap();
    let auth = format!("auth:\n  htpasswd: {{realm: r, path: {:?}}}\n", ward.path("htpasswd"));
    let patient = ward.patient(&auth, &[]);
    let found = ward.doctor(&["--registry-url", &patient.url], &[]);
    let basic = format!(
        "{}/v2/ asks for Basic credentials and not for a token: replace its auth section with what `dockpass \
         registry-config` prints",
        patient.url
    );
    assert_eq!(wrong(&found), format!("registry: {basic}"));
}

/// Writes a key and a self-signed certificate for `name`. Returns the registry's settings for them.
fn tls(ward: &Ward, name: &str, years: std::ops::Range<i32>) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    fs::write(ward.path("tls.key"), key.serialize_pem()).unwrap();
    fs::write(ward.path("tls.pem"), parameters.self_signed(&key).unwrap().pem()).unwrap();
    let (certificate, key) = (ward.path("tls.pem"), ward.path("tls.key"));
    format!("http: {{addr: 127.0.0.1:0, secret: x, tls: {{certificate: {certificate:?}, key: {key:?}}}}}\n")
}

#[test]
fn what_is_wrong_with_tls_is_said() {
    let ward = Ward::open();
    let trusted = ward.text("tls.pem");
    let trusting = [("SSL_CERT_FILE", trusted.as_str())];
    let auth = ward.auth();
    let patient = ward.patient(&(tls(&ward, "127.0.0.1", 2020..2050) + auth.as_str()), &[]);
    let url = patient.url.replace("http://", "https://");
    assert!(ward.doctor(&["--registry-url", &url], &trusting).0);
    let found = ward.doctor(&["--registry-url", &url], &[]);
    let stranger = "has a certificate of an authority that this machine does not trust: clients refuse it too, unless \
                    they trust that authority";
    assert_eq!(wrong(&found), format!("registry: {url}/v2/ {stranger}"));
    let found = ward.doctor(&["--registry-url", &patient.url], &[]);
    assert_eq!(wrong(&found), format!("registry: {}/v2/ speaks TLS: use https://", patient.url));

    let patient = ward.patient(&(tls(&ward, "hub.example.com", 2020..2050) + auth.as_str()), &[]);
    let url = patient.url.replace("http://", "https://");
    let found = ward.doctor(&["--registry-url", &url], &trusting);
    assert!(
        wrong(&found).starts_with(&format!("registry: {url}/v2/ has a certificate for another name: ")),
        "{found:?}"
    );

    let patient = ward.patient(&(tls(&ward, "127.0.0.1", 2019..2020) + auth.as_str()), &[]);
    let url = patient.url.replace("http://", "https://");
    let found = ward.doctor(&["--registry-url", &url], &trusting);
    assert_eq!(wrong(&found), format!("registry: {url}/v2/ has an expired certificate: renew it"));

    let patient = ward.patient(&auth, &[]);
    let url = patient.url.replace("http://", "https://");
    let found = ward.doctor(&["--registry-url", &url], &[]);
    let plain = "speaks plain HTTP: use http:// or give it a certificate";
    assert_eq!(wrong(&found), format!("registry: {url}/v2/ {plain}"));

    let bare = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere"), ("RUST_LOG", "off")];
    assert!(ward.doctor(&["--registry-url", &patient.url], &bare).0, "plain HTTP needs no authorities");
    let found = ward.doctor(&["--registry-url", &url], &bare);
    let none =
        "cannot be checked: this machine has no CA certificates (on Debian they are in the package ca-certificates)";
    assert_eq!(wrong(&found), format!("registry: {url}/v2/ {none}"));
}

#[test]
fn repositories_of_nobody_and_addresses_that_clients_refuse_are_named() {
    let ward = Ward::open();
    let data = ward.text("data");
    let add = ["--data", &data, "account", "add", "alice", "--password-stdin"];
    run(&mut program::command(&add), PASSWORD).succeed();
    let patient = ward.patient(&ward.auth(), &[]);
    let has = |names: &[&str]| {
        for name in names {
            let folder = ward.path("storage/docker/registry/v2/repositories").join(name).join("_layers");
            fs::create_dir_all(folder).unwrap();
        }
        let (is_well, lines) = ward.doctor(&["--registry-url", &patient.url], &[]);
        assert!(is_well, "no mistake: {lines:#?}");
        lines.last().unwrap().clone()
    };
    assert_eq!(has(&["alice/app"]), "OK       catalog: 1 repository, and each belongs to an account");
    let expected = "WARNING  catalog: 4 repositories, of which 3 belong to no account (alice, bob/app, tools): only \
                    administrators can use those";
    assert_eq!(has(&["alice", "bob/app", "tools"]), expected);
    let arguments = ["--data", &data, "--listen", &ward.address, "doctor", "--registry-url", &patient.url];
    let said = run(&mut program::command(&arguments), "").stdout;
    assert!(said.contains(&format!("WARNING  registry's realm: {} is a private or loopback address", ward.realm())));
    assert!(said.contains("WARNING  plain http: docker's CLI from 28.5 on refuses it"), "{said}");
}
