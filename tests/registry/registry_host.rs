//! Dockpass with a registry.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::{fs, thread};

use tempfile::TempDir;
use time::Duration;

use crate::client::{Client, Said, run, start};
use crate::harness::{Browser, MadeToken, TestServer, events, program};
use crate::image::Image;

/// A program that ends with its test, even if the test panics.
pub struct Running(Child);

impl Running {
    /// Starts the program and reads `pipe` up to a line with `before`. Returns what follows on that line, up to a space
    /// or a quote. The rest is read and dropped, so that the program never blocks on a full pipe.
    #[track_caller]
    pub fn start<P: Read + Send + 'static>(
        command: &mut Command,
        pipe: impl FnOnce(&mut Child) -> P,
        before: &str,
    ) -> (Self, String) {
        let program = command.get_program().to_string_lossy().into_owned();
        Self::try_start(command, pipe, before)
            .unwrap_or_else(|seen| panic!("{program} ended before it said {before:?}:\n{seen}"))
    }

    /// The same for a program that may end instead. Then it returns the output.
    #[track_caller]
    pub fn try_start<P: Read + Send + 'static>(
        command: &mut Command,
        pipe: impl FnOnce(&mut Child) -> P,
        before: &str,
    ) -> Result<(Self, String), String> {
        let mut running = Self(start(command.stdin(Stdio::null())));
        let mut lines = BufReader::new(pipe(&mut running.0));
        let mut seen = String::new();
        loop {
            let begin = seen.len();
            if lines.read_line(&mut seen).unwrap() == 0 {
                return Err(seen);
            }
            if let Some((_, rest)) = seen[begin..].split_once(before) {
                let found = rest.split(['"', ' ', '\n']).next().unwrap().to_owned();
                thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
                return Ok((running, found));
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Debian's docker-registry, configured with the output of `dockpass registry-config`.
pub struct Registry {
    /// The address and port.
    pub host: String,
    _running: Running,
    _folder: TempDir,
}

impl Registry {
    /// `settings` are the flags for the server's data folder and address.
    #[track_caller]
    pub fn start(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("trust").display().to_string();
        let arguments = [&["registry-config", "--registry-version", "2", "--out", &out], settings].concat();
        let auth = run(&mut program::command(&arguments), "").succeed();
        let file = folder.path().join("registry.yml");
        let storage = folder.path().join("storage");
        let config = format!(
            "version: 0.1\n\
             log: {{level: info}}\n\
             storage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
             http: {{addr: 127.0.0.1:0, secret: anything}}\n\
             {auth}",
            storage.display()
        );
        fs::write(&file, config).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
        // The registry reads all REGISTRY_… variables, and skopeo's REGISTRY_AUTH_FILE keeps it from starting.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REGISTRY_")) {
            command.env_remove(name);
        }
        let (running, host) = Running::start(&mut command, |child| child.stderr.take().unwrap(), "listening on ");
        Self { host, _running: running, _folder: folder }
    }
}

/// A server in this process, a registry that trusts it and sends notifications, and alice with an image there.
pub struct RegistryHost {
    pub server: TestServer,
    pub registry: Registry,
    /// The browser of alice.
    pub alice: Browser,
    /// The image `alice/app:v1`. `alice/docker:v1` is the same in Docker's format.
    pub image: Image,
    /// alice, logged in with a token of the highest level.
    pub owner: Client,
}

/// What skopeo prints before the token server's sentence.
pub const UNABLE: &str = "unable to retrieve auth token: invalid username/password: denied: ";

impl RegistryHost {
    pub async fn open() -> Self {
        let server = TestServer::start_with(|settings| {
            settings.database_url = None;
            events::open(settings);
        })
        .await;
        let alice = server.account_signed_in("alice").await;
        let (data, listen) = (server.data().display().to_string(), server.address.to_string());
        let secret = server.app.config.events_secret_file.as_ref().unwrap().display().to_string();
        let registry = Registry::start(&["--data", &data, "--listen", &listen, "--events-secret-file", &secret]);
        let token = alice.generate("owner", "repo:admin", "30").await;
        let owner = Client::logged_in(&registry.host, "alice", &token.secret);
        let registry_host = Self { server, registry, alice, image: Image::holding("hello"), owner };
        registry_host.push(&registry_host.owner, &registry_host.image, "alice/app:v1").succeed();
        let (from, to) = (registry_host.image.docker_source(), registry_host.at("alice/docker:v1"));
        registry_host.owner.skopeo(&["copy", "--dest-tls-verify=false", &from, &to]).succeed();
        registry_host
    }

    /// A client that is logged in with a new token of alice.
    pub async fn alice_with(&self, level: &str) -> (Client, MadeToken) {
        // The harness finds the token's id in the table, which needs different creation times for its order.
        self.server.clock.advance(Duration::seconds(1));
        let token = self.alice.generate("ci push", level, "30").await;
        (Client::logged_in(&self.registry.host, "alice", &token.secret), token)
    }

    /// Deactivates a token on the tokens page of alice.
    pub async fn deactivate(&self, token: &MadeToken) {
        let answer = self.alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    /// The sentence for a deactivated token of [`RegistryHost::alice_with`].
    pub fn inactive(&self) -> String {
        let page = self.server.url("/settings/tokens");
        format!("access token \"ci push\" is inactive: activate it at {page} (PAT-INACTIVE)")
    }

    /// `registry/repository:tag`.
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.registry.host)
    }

    /// The name for skopeo.
    pub fn at(&self, image: &str) -> String {
        format!("docker://{}", self.name(image))
    }

    pub fn push(&self, client: &Client, image: &Image, to: &str) -> Said {
        client.skopeo(&["copy", "--dest-tls-verify=false", &image.source(), &self.at(to)])
    }

    /// The pulled manifest, or the client's error message.
    #[track_caller]
    pub fn pull(&self, client: &Client, from: &str) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let to = format!("dir:{}", folder.path().display());
        let said = client.skopeo(&["copy", "--src-tls-verify=false", &self.at(from), &to]);
        if said.succeeded { Ok(fs::read(folder.path().join("manifest.json")).unwrap()) } else { Err(said.fail()) }
    }

    /// The tags, or the client's error message.
    #[track_caller]
    pub fn list_tags(&self, client: &Client, repository: &str) -> Result<Vec<String>, String> {
        let said = client.skopeo(&["list-tags", "--tls-verify=false", &self.at(repository)]);
        if !said.succeeded {
            return Err(said.fail());
        }
        let list: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        Ok(serde_json::from_value(list["Tags"].clone()).unwrap())
    }

    pub fn delete(&self, client: &Client, image: &str) -> Said {
        client.skopeo(&["delete", "--tls-verify=false", &self.at(image)])
    }

    /// Runs `docker manifest inspect`.
    pub fn docker_inspect(&self, client: &Client, image: &str) -> Said {
        client.docker(&["manifest", "inspect", "--insecure", &self.name(image)])
    }

    /// Creates a manifest list of `image` with the docker CLI and pushes it. No other docker push works without an
    /// engine.
    pub fn docker_push_list(&self, client: &Client, list: &str, image: &str) -> Said {
        let (list_name, image) = (self.name(list), self.name(image));
        // A failed earlier push leaves its draft behind.
        let created = client.docker(&["manifest", "create", "--insecure", "--amend", &list_name, &image]);
        if created.succeeded {
            client.docker(&["manifest", "push", "--insecure", "--purge", &list_name])
        } else {
            created
        }
    }

    /// Checks that docker and skopeo can do nothing with the repositories of `owner`. The registry words the errors,
    /// except that the token server words a refused push of a logged-in client.
    #[track_caller]
    pub fn gets_nothing(&self, client: &Client, owner: &str, push_refusal: Option<&str>) {
        let (host, app, image) = (&self.registry.host, format!("{owner}/app"), format!("{owner}/app:v1"));
        let denied = "errors:\ndenied: requested access to the resource is denied";
        let refused = format!("{denied}\nunauthorized: authentication required");
        let reading = format!("reading manifest v1 in {}", self.name(&app));
        let pulled = self.pull(client, &image).unwrap_err();
        assert_eq!(pulled.trim(), format!("initializing source {}: {reading}: {refused}", self.at(&image)));
        let listed = self.list_tags(client, &app).unwrap_err();
        let asking = "Error listing repository tags: unable to retrieve auth token: invalid username/password";
        assert_eq!(listed, format!("{asking}: {refused}"));
        assert_eq!(self.docker_inspect(client, &image).fail(), refused);
        assert_eq!(self.docker_push_list(client, &format!("{owner}/list:v1"), &image).fail(), refused);
        let pushed = self.push(client, &Image::holding("intruder"), &format!("{owner}/app:v2")).fail();
        let checking = format!("checking whether a blob sha256:… exists in {}", self.name(&app));
        let empty = "error parsing HTTP 401 response body: unexpected end of JSON input: \"\"";
        let said = match push_refusal {
            None => format!("{checking}: {denied}\n{empty}"),
            Some(sentence) => format!("{UNABLE}{sentence}"),
        };
        assert_eq!(pushed, format!("trying to reuse blob sha256:… at destination: {said}"));
        let deleted = self.delete(client, &image).fail();
        let detail = format!(r#""detail":[{{"Type":"repository","Class":"","Name":"{app}","Action":"pull"}}]"#);
        let body = format!(r#"{{"errors":[{{"code":"UNAUTHORIZED","message":"authentication required",{detail}}}]}}"#);
        assert_eq!(deleted, format!("Failed to delete {host}/{image}: {body}\n (401 Unauthorized)"));
    }
}
