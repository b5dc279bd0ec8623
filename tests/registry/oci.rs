//! The crate oci-client, which sends its token request by GET without `account` and without a User-Agent.

use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::IMAGE_LAYER_GZIP_MEDIA_TYPE;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};

use crate::registry_host::RegistryHost;

fn client() -> Client {
    Client::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn oci_client_pushes_and_pulls_until_the_token_is_switched_off() {
    let registry_host = RegistryHost::open().await;
    let (_, token) = registry_host.alice_with("repo:write").await;
    let auth = RegistryAuth::Basic("alice".to_owned(), token.secret.clone());
    let (rust, first): (Reference, Reference) =
        (registry_host.name("alice/rust:v1").parse().unwrap(), registry_host.name("alice/app:v1").parse().unwrap());
    let known = client();
    let layers = [ImageLayer::oci_v1_gzip(b"any bytes".to_vec(), None)];
    known.push(&rust, &layers, Config::oci_v1(b"{}".to_vec(), None), &auth, None).await.unwrap();
    let pulled = client().pull(&rust, &auth, vec![IMAGE_LAYER_GZIP_MEDIA_TYPE]).await.unwrap();
    assert_eq!(pulled.layers, layers);
    assert_eq!(client().list_tags(&rust, &auth, None, None).await.unwrap().tags, ["v1"]);
    let (manifest, _) =
        client().pull_manifest_raw(&first, &auth, &["application/vnd.oci.image.manifest.v1+json"]).await.unwrap();
    assert_eq!(manifest, registry_host.image.manifest);

    registry_host.deactivate(&token).await;
    for operation in [RegistryOperation::Pull, RegistryOperation::Push] {
        match client().auth(&rust, &auth, operation).await {
            Err(OciDistributionError::AuthenticationFailure(body)) => {
                let errors = serde_json::json!({"errors": [{"code": "DENIED", "message": registry_host.inactive()}]});
                assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), errors);
            }
            other => panic!("{other:?}"),
        }
    }
    let refused = client().pull(&rust, &auth, vec![IMAGE_LAYER_GZIP_MEDIA_TYPE]).await;
    assert!(matches!(refused.map(|_| ()), Err(OciDistributionError::UnauthorizedError { .. })));
}
