//! A registry with an htpasswd file moves to Dockpass and back, as `docs/operating.md` describes it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::StatusCode;

use crate::client::{Client, Said, run};
use crate::harness::{TestServer, program};
use crate::image::Image;
use crate::registry_host::Running;

const PASSWORD: &str = "a quiet harbour";
/// It, from Apache's htpasswd.
const DIGEST: &str = "$2y$05$kD1rmHSRrLMNZgz1YGuIT./X5ORqjfLVDuoHWNKAi29Vhz8rkwkkK";

/// Starts the registry of this folder. It lists one repository a page.
fn registry(folder: &Path, address: &str, auth: &str) -> (Running, String) {
    let (file, storage) = (folder.join("registry.yml"), folder.join("storage"));
    let head = format!("version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: {storage:?}}}\n");
    let http = format!("http: {{addr: \"{address}\", secret: anything}}\ncatalog: {{maxentries: 1}}\n");
    fs::write(&file, format!("{head}{http}{auth}")).unwrap();
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REGISTRY_")) {
        command.env_remove(name);
    }
    let (running, host) = Running::start(&mut command, |child| child.stderr.take().unwrap(), "listening on ");
    (running, host.trim_end_matches(',').to_owned())
}

fn push(client: &Client, host: &str, image: &Image, name: &str) {
    client.skopeo(&["copy", "--dest-tls-verify=false", &image.source(), &format!("docker://{host}/{name}")]).succeed();
}

fn pull(client: &Client, host: &str, name: &str) -> Said {
    let to = format!("dir:{}", client.file("pulled").display());
    client.skopeo(&["copy", "--src-tls-verify=false", &format!("docker://{host}/{name}"), &to])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_moves_with_its_passwords_and_repositories_and_back() {
    let server = TestServer::start_with(|settings| settings.database_url = None).await;
    server.account("root-of-all").await;
    let (folder, data) = (server.folder.path(), server.data().display().to_string());
    let settings = ["--data", &data, "--listen", &server.address.to_string()].map(str::to_owned);
    let dockpass = |arguments: &[&str], input: &str| {
        let all: Vec<&str> = settings.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        run(&mut program::command(&all), input)
    };

    let file = folder.join("htpasswd");
    fs::write(&file, format!("alice:{DIGEST}\nBob:{DIGEST}\n")).unwrap();
    let before = format!("auth:\n  htpasswd: {{realm: r, path: {file:?}}}\n");
    let (running, host) = registry(folder, "127.0.0.1:0", &before);
    let (url, image) = (format!("http://{host}"), Image::holding("hello"));
    let alice = Client::logged_in(&host, "alice", PASSWORD);
    for name in ["alice/app:v1", "alice/tools:v1", "team/web:v1"] {
        push(&alice, &host, &image, name);
    }

    let file = file.display().to_string();
    let said = dockpass(&["account", "import", &file], "");
    assert!(!said.succeeded && said.stdout.starts_with("line 1: \"alice\" created\nline 2: \"Bob\" not created: "));
    fs::write(&file, format!("bob:{DIGEST}\n")).unwrap();
    assert_eq!(dockpass(&["account", "import", &file], "").succeed(), "line 1: \"bob\" created\n");
    fs::write(&file, format!("alice:{DIGEST}\nBob:{DIGEST}\n")).unwrap();
    let import = ["repositories", "import", "--registry-url", &url];
    let as_alice = [import.as_slice(), &["--username", "alice", "--password-stdin"]].concat();
    let wrong = dockpass(&as_alice, "not this harbour").fail();
    assert_eq!(wrong, format!("dockpass: {url}/v2/ refuses this username or password"));
    let without = dockpass(&import, "").fail();
    assert!(without.contains("asks for Basic credentials and not for a token"), "{without}");
    let rest = "team/web: belongs to no account, left as it is\n";
    let said = dockpass(&as_alice, &format!("{PASSWORD}\n")).succeed();
    assert_eq!(said, format!("alice/: 2 created\n{rest}2 created, 0 known before, 1 of no account\n"));

    drop(running);
    let trust = folder.join("trust").display().to_string();
    let after = dockpass(&["registry-config", "--registry-version", "2", "--out", &trust], "").succeed();
    let (running, _) = registry(folder, &host, &after);
    pull(&alice, &host, "alice/app:v1").succeed();
    assert_eq!(fs::read(alice.file("pulled/manifest.json")).unwrap(), image.manifest, "with the login from before");
    let bob = Client::new();
    assert_eq!(bob.docker_login(&host, "Bob", PASSWORD).succeed(), "Login Succeeded\n");
    bob.skopeo_login(&host, "bob", PASSWORD).succeed();
    for (client, name) in [(&bob, "alice/app:v1"), (&alice, "team/web:v1"), (&Client::new(), "alice/app:v1")] {
        assert!(!pull(client, &host, name).succeeded, "{name} is private");
    }
    push(&bob, &host, &image, "bob/app:v1");
    let browser = server.anonymous();
    let answer = browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let page = browser.get("/settings/repositories").await.body;
    assert!(page.contains("alice/app") && page.contains("alice/tools") && !page.contains("team/web"), "{page}");
    // Now with a token of this server. bob's push is known already, or now.
    let said = dockpass(&import, "").succeed();
    assert!(said.starts_with("alice/: 0 created, 2 known before\nbob/: ") && said.contains(rest), "{said}");
    let as_before = dockpass(&as_alice, PASSWORD).fail();
    assert!(as_before.contains("asks for a token: leave out --username and --password-stdin"), "{as_before}");

    drop(running);
    let (_running, _) = registry(folder, &host, &before);
    pull(&alice, &host, "alice/app:v1").succeed();
    pull(&alice, &host, "bob/app:v1").succeed();
}
