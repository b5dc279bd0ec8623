//! The ready commands in the dialog of a new token, run by a shell with programs that only note what they get.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::harness::TestServer;
use crate::harness::commands::ShownToken;

/// What a program got: its arguments and its standard input.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    arguments: String,
    input: String,
}

/// Runs a command in bash. `docker`, `podman` and `kubectl` note their arguments and standard input in a folder.
fn run(folder: &Path, command: &str, variable: Option<&str>, typed: &str) -> Call {
    for program in ["docker", "podman", "kubectl"] {
        let file = folder.join(program);
        fs::write(&file, "#!/bin/sh\necho \"$0 $@\" > \"$0.arguments\"\ncat > \"$0.input\"\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-c", command]).env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::null());
    if let Some(secret) = variable {
        shell.env("DOCKPASS_TOKEN", secret);
    }
    let mut shell = shell.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success(), "{command}");
    let read = |file: &Path| fs::read_to_string(file).unwrap();
    let called = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let arguments = called.into_iter().find(|file| file.extension().is_some_and(|end| end == "arguments")).unwrap();
    let program = format!("{}/", folder.display());
    let call = Call {
        arguments: read(&arguments).trim().replace(&program, ""),
        input: read(&arguments.with_extension("input")),
    };
    fs::remove_file(arguments).unwrap();
    call
}

/// A token of alice, and the server, which knows the registry by another host.
async fn shown() -> (TestServer, ShownToken) {
    let server = TestServer::start_with(|settings| {
        settings.registry_host = Some("hub.example.com:5000".into());
        settings.public_url = Some("https://tokens.example.com".into());
    })
    .await;
    let token = server.account_signed_in("alice").await.generate_and_read("ci").await;
    (server, token)
}

#[tokio::test]
async fn docker_and_podman_get_host_and_name_and_the_token_on_standard_input_only() {
    let (_server, token) = shown().await;
    let folder = tempfile::tempdir().unwrap();
    for program in ["docker", "podman"] {
        let terminal = &token.commands[&format!("{program}-terminal")];
        let call = run(folder.path(), terminal, None, &token.secret);
        assert_eq!(call.arguments, format!("{program} login hub.example.com:5000 -u alice"));
        let script = &token.commands[&format!("{program}-script")];
        let call = run(folder.path(), script, Some(&token.secret), "");
        assert_eq!(call.arguments, format!("{program} login hub.example.com:5000 -u alice --password-stdin"));
        assert_eq!(call.input, token.secret);
    }
}

#[tokio::test]
async fn over_plain_http_podman_is_told_so() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate_and_read("laptop").await;
    let host = server.address;
    assert_eq!(token.commands["podman-terminal"], format!("podman login {host} -u alice --tls-verify=false"));
    assert_eq!(token.commands["docker-terminal"], format!("docker login {host} -u alice"));
}

#[tokio::test]
async fn kubectl_gets_a_pull_secret_on_standard_input() {
    let (_server, token) = shown().await;
    let folder = tempfile::tempdir().unwrap();
    let call = run(folder.path(), &token.commands["kubernetes-secret"], None, &format!("{}\n", token.secret));
    assert_eq!(call.arguments, "kubectl apply -f -");
    let secret: Value = serde_saphyr::from_str(&call.input).unwrap();
    assert_eq!(
        (&secret["apiVersion"], &secret["kind"], &secret["metadata"]["name"], &secret["type"]),
        (&json!("v1"), &json!("Secret"), &json!("dockpass"), &json!("kubernetes.io/dockerconfigjson"))
    );
    let config = secret["stringData"][".dockerconfigjson"].as_str().unwrap();
    let auth = BASE64.encode(format!("alice:{}", token.secret).as_bytes());
    let expected = json!({"auths": {"hub.example.com:5000": {"auth": auth}}});
    assert_eq!(serde_json::from_str::<Value>(config).unwrap(), expected);
}

#[tokio::test]
async fn the_longest_name_fits_into_the_pull_secret() {
    let server = TestServer::start().await;
    let name = "a".repeat(39);
    let token = server.account_signed_in(&name).await.generate_and_read("ci").await;
    let folder = tempfile::tempdir().unwrap();
    let call = run(folder.path(), &token.commands["kubernetes-secret"], None, &format!("{}\n", token.secret));
    let secret: Value = serde_saphyr::from_str(&call.input).unwrap();
    let config: Value = serde_json::from_str(secret["stringData"][".dockerconfigjson"].as_str().unwrap()).unwrap();
    let auth = config["auths"][server.address.to_string()]["auth"].as_str().unwrap();
    assert_eq!(BASE64.decode(auth.as_bytes()).unwrap(), format!("{name}:{}", token.secret).into_bytes());
}

#[tokio::test]
async fn the_steps_for_github_and_gitlab_are_yaml_and_read_the_token_from_a_secret() {
    let (_server, token) = shown().await;
    let github: Value = serde_saphyr::from_str(&token.commands["github-step"]).unwrap();
    let with =
        json!({"registry": "hub.example.com:5000", "username": "alice", "password": "${{ secrets.DOCKPASS_TOKEN }}"});
    assert_eq!(github, json!([{"uses": "docker/login-action@v3", "with": with}]));
    let gitlab: Value = serde_saphyr::from_str(&token.commands["gitlab-job"]).unwrap();
    assert_eq!(gitlab, json!({"before_script": [token.commands["docker-script"]]}));
    assert!(token.commands.values().all(|command| !command.contains(&token.secret)));
}
