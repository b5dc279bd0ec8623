//! Static files. Each address contains the hash of the content, so that browsers can cache it forever.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::error::Error;

#[derive(RustEmbed)]
#[folder = "static"]
struct Static;

struct Asset {
    address: String,
    content: Vec<u8>,
}

static HTMX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/htmx.min.js"));

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let files = Static::iter().filter_map(|name| Some((name.to_string(), Static::get(&name)?.data.into_owned())));
    let all = files.chain([("htmx.min.js".to_owned(), HTMX.to_vec())]);
    all.map(|(name, content)| {
        let hash = HEXLOWER.encode(&Sha256::digest(&content)[..8]);
        (name.clone(), Asset { address: format!("/assets/{hash}/{name}"), content })
    })
    .collect()
});

/// The addresses of all scripts: htmx, then those in `static/`.
pub static SCRIPTS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut own: Vec<&str> = ASSETS.values().map(|asset| asset.address.as_str()).filter(is_own_script).collect();
    own.sort_unstable_by_key(|address| address.rsplit('/').next());
    own.insert(0, address("htmx.min.js"));
    own
});

fn is_own_script(address: &&str) -> bool {
    address.ends_with(".js") && !address.ends_with("/htmx.min.js")
}

/// The address of a file in `static/`, or of `htmx.min.js`. An unknown name gets an address that responds 404; the
/// browser tests notice it.
pub fn address(name: &str) -> &'static str {
    ASSETS.get(name).map_or("/assets/missing", |asset| &asset.address)
}

pub fn routes() -> Router<App> {
    Router::new().route("/assets/{hash}/{name}", get(serve))
}

async fn serve(Path((hash, name)): Path<(String, String)>) -> Result<Response, Error> {
    let asset = ASSETS.get(&name).ok_or(Error::NotFound)?;
    if asset.address != format!("/assets/{hash}/{name}") {
        return Err(Error::NotFound);
    }
    let content_type = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.content.as_slice()).into_response())
}
