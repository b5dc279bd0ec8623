//! Images of one small file, made by hand: an OCI layout that skopeo pushes as it stands.

use std::{fs, path::Path};

use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An OCI layout in a folder of its own.
pub struct Image {
    folder: TempDir,
    /// The bytes that a pull must give back.
    pub manifest: Vec<u8>,
}

impl Image {
    /// The image whose one file holds `text`; another text is another image.
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
        let root = folder.path();
        fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        fs::write(root.join("index.json"), index.to_string()).unwrap();
        fs::create_dir_all(root.join("blobs/sha256")).unwrap();
        [&layer, &config, &manifest].into_iter().for_each(|blob| write_blob(root, blob));
        Self { folder, manifest }
    }

    /// As skopeo names it.
    pub fn source(&self) -> String {
        format!("oci:{}:latest", self.folder.path().display())
    }
}

/// `sha256:` and hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)))
}

fn write_blob(root: &Path, bytes: &[u8]) {
    fs::write(root.join("blobs").join(digest(bytes).replace(':', "/")), bytes).unwrap();
}

/// A USTAR archive of one file (POSIX.1-1988), its times zero.
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

/// A gzip file (RFC 1952) of one stored block (RFC 1951 section 3.2.4): as large as before, but gzip.
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
