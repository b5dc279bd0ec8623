//! Images with one small file, in the OCI format and in Docker's format. skopeo pushes them unchanged.

use std::fs;
use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The same image as an OCI layout and in Docker's format (skopeo's `dir:`). Debian's docker CLI reads only the latter.
pub struct Image {
    folder: TempDir,
    /// The manifest that a pull of the OCI image must return.
    pub manifest: Vec<u8>,
    /// The manifest that a pull of the Docker image must return.
    pub docker_manifest: Vec<u8>,
}

impl Image {
    /// The image whose file contains `text`. Different texts give different images.
    pub fn holding(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tar = tar("hello.txt", text.as_bytes());
        let layer = gzip(&tar);
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [digest(&tar)] },
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": digest(&config), "size": config.len() },
            "layers": [{ "mediaType": LAYER, "digest": digest(&layer), "size": layer.len() }],
        });
        let manifest = manifest.to_string().into_bytes();
        let index = json!({
            "schemaVersion": 2,
            "manifests": [{
                "mediaType": MANIFEST,
                "digest": digest(&manifest),
                "size": manifest.len(),
                "annotations": { "org.opencontainers.image.ref.name": "latest" },
            }],
        });
        let oci = folder.path().join("oci");
        fs::create_dir_all(oci.join("blobs/sha256")).unwrap();
        fs::write(oci.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        fs::write(oci.join("index.json"), index.to_string()).unwrap();
        let docker = folder.path().join("docker");
        fs::create_dir(&docker).unwrap();
        let docker_manifest = docker_manifest(&config, &layer).into_bytes();
        fs::write(docker.join("version"), "Directory Transport Version: 1.1\n").unwrap();
        fs::write(docker.join("manifest.json"), &docker_manifest).unwrap();
        [&layer, &config, &manifest].into_iter().for_each(|blob| write(&oci.join("blobs/sha256"), blob));
        [&layer, &config].into_iter().for_each(|blob| write(&docker, blob));
        Self { folder, manifest, docker_manifest }
    }

    /// The OCI image's name for skopeo.
    pub fn source(&self) -> String {
        format!("oci:{}:latest", self.folder.path().join("oci").display())
    }

    /// The Docker image's name for skopeo.
    pub fn docker_source(&self) -> String {
        format!("dir:{}", self.folder.path().join("docker").display())
    }
}

/// Indented as Docker does it. Docker 20.10 rewrites a manifest when it adds it to a list, and the digest must stay the
/// same.
fn docker_manifest(config: &[u8], layer: &[u8]) -> String {
    format!(
        r#"{{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
   "config": {{
      "mediaType": "application/vnd.docker.container.image.v1+json",
      "size": {},
      "digest": "{}"
   }},
   "layers": [
      {{
         "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
         "size": {},
         "digest": "{}"
      }}
   ]
}}"#,
        config.len(),
        digest(config),
        layer.len(),
        digest(layer)
    )
}

/// `sha256:` and hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)))
}

fn write(folder: &Path, blob: &[u8]) {
    fs::write(folder.join(digest(blob).trim_start_matches("sha256:")), blob).unwrap();
}

/// A USTAR archive of one file (POSIX.1-1988), with all times zero.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

/// A gzip file (RFC 1952) of one stored block (RFC 1951 section 3.2.4), without compression.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&(!length).to_le_bytes());
    file.extend_from_slice(bytes);
    file.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    file.extend_from_slice(&u32::from(length).to_le_bytes());
    file
}
