//! `dockpass healthcheck`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use tempfile::TempDir;

use crate::harness::program::{Program, command};

/// Its exit code and what it says, with the settings of a server at this address.
fn healthcheck(folder: &TempDir, address: &str) -> (Option<i32>, String) {
    let data = folder.path().join("data");
    let mut command = command(&["--listen", address, "--data", data.to_str().unwrap(), "healthcheck"]);
    // The server of this machine is not asked through a proxy.
    let output = command.env("HTTP_PROXY", "http://127.0.0.1:9").output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn it_succeeds_as_long_as_the_server_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let server = Program::start(&folder.path().join("data"), &[]);
    let address = server.base.trim_start_matches("http://").to_owned();
    assert_eq!(healthcheck(&folder, &address), (Some(0), "ready\n".to_owned()));
    let everywhere = format!("0.0.0.0:{}", address.rsplit(':').next().unwrap());
    assert_eq!(healthcheck(&folder, &everywhere).0, Some(0));
    server.stop();
    let (code, said) = healthcheck(&folder, &address);
    assert!(code == Some(1) && said.contains("refuses connections"), "{code:?} {said}");
}

#[test]
fn another_server_at_the_address_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stranger = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello").unwrap();
    });
    let (code, said) = healthcheck(&folder, &address);
    stranger.join().unwrap();
    assert!(code == Some(1) && said.contains("hello"), "{code:?} {said}");
}

#[test]
fn without_a_port_there_is_nothing_to_ask() {
    let (code, said) = healthcheck(&tempfile::tempdir().unwrap(), "127.0.0.1:0");
    assert!(code == Some(1) && said.contains("--listen"), "{code:?} {said}");
}
