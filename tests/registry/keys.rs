//! `dockpass keys rotate` with a registry that is not restarted.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use crate::client::{Client, run};
use crate::harness::program::{self, Program};
use crate::harness::{Browser, PASSWORD};
use crate::image::Image;
use crate::registry_host::Registry;

/// The `kid` and `x5c` of a registry token's header.
fn key(token: &str) -> (String, String) {
    let header = BASE64URL_NOPAD.decode(token.split('.').next().unwrap().as_bytes()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["x5c"].as_array().unwrap().len(), 1);
    (header["kid"].as_str().unwrap().to_owned(), header["x5c"][0].as_str().unwrap().to_owned())
}

/// Pulls a manifest with a new token, and returns the key that signed the token.
async fn pull(dockpass: &Browser, registry: &str, secret: &str) -> (String, String) {
    let answer = dockpass.token("alice", secret, &["repository:alice/app:pull"]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let manifest = format!("http://{registry}/v2/alice/app/manifests/v1");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("accept", "application/vnd.oci.image.manifest.v1+json")];
    let answer = dockpass.get_with(&manifest, &headers).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    key(&token)
}

async fn rotate(data: &Path) -> String {
    let mut rotate = program::command(&["--data", data.to_str().unwrap(), "keys", "rotate"]);
    tokio::task::spawn_blocking(move || run(&mut rotate, "").succeed()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_takes_tokens_of_a_new_key_without_a_restart_and_no_request_fails() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut add = program::command(&["--data", data.to_str().unwrap(), "account", "add", "alice", "--password-stdin"]);
    run(&mut add, &format!("{PASSWORD}\n")).succeed();
    let server = Program::start(&data, &[]);
    let address = server.base.trim_start_matches("http://").to_owned();
    let registry = Registry::start(&["--data", data.to_str().unwrap(), "--listen", &address]);
    let alice = server.browser();
    alice.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let secret = alice.generate("ci", "repo:admin", "30").await.secret;
    let client = Client::logged_in(&registry.host, "alice", &secret);
    let push = |text: &str, tag: &str| {
        let at = format!("docker://{}/alice/app:{tag}", registry.host);
        client.skopeo(&["copy", "--dest-tls-verify=false", &Image::holding(text).source(), &at]).succeed();
        let raw = client.skopeo(&["inspect", "--tls-verify=false", "--raw", &at]).succeed();
        assert_eq!(raw.as_bytes(), Image::holding(text).manifest);
    };
    push("before", "v1");

    let (dockpass, host, pat) = (server.browser(), registry.host.clone(), secret.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let looping = tokio::spawn(async move {
        let (mut keys, mut pulls, mut stopped) = (BTreeSet::new(), 0, stopped);
        while stopped.try_recv().is_err() {
            keys.insert(pull(&dockpass, &host, &pat).await);
            pulls += 1;
        }
        (keys, pulls)
    });
    let old = pull(&alice, &registry.host, &secret).await;
    let said = rotate(&data).await;
    assert!(said.starts_with("signing key 2 created: "), "{said}");
    let mut new = old.clone();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        new = pull(&alice, &registry.host, &secret).await;
        if new != old {
            break;
        }
    }
    assert!(new.0 != old.0 && new.1 != old.1, "the server did not take up the new key within ten seconds");
    push("after", "v2");
    stop.send(()).unwrap();
    let (keys, pulls) = looping.await.unwrap();
    assert_eq!(keys, BTreeSet::from([old, new]));
    assert!(pulls > 100, "{pulls}");
}
