//! The steps of the set-up that a real registry finishes.

use crate::registry_host::RegistryHost;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_push_finishes_the_steps_of_the_registry_and_its_notifications() {
    let registry_host = RegistryHost::open().await;
    // The registry sends its notifications after the push.
    let page = loop {
        let page = registry_host.alice.get("/settings/tokens").await.body;
        if !page.contains("value=\"notifications\"") {
            break page;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(!page.contains("value=\"registry\"") && page.contains("value=\"https\""), "{page}");
}
