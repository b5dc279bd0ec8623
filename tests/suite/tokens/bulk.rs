//! `/settings/tokens/selected`: changes all selected tokens, or none.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Answer, Browser, MadeToken, TestServer};

const PATH: &str = "/settings/tokens/selected";

async fn three(server: &TestServer) -> (Browser, Vec<MadeToken>) {
    let alice = server.account_signed_in("alice").await;
    let mut tokens = Vec::new();
    for name in ["ci <b>push</b>", "laptop", "kept"] {
        tokens.push(alice.generate(name, "repo:read", "30").await);
    }
    (alice, tokens)
}

async fn apply(browser: &Browser, verb: &str, ids: &[&str]) -> Answer {
    let mut form = vec![("verb", verb)];
    form.extend(ids.iter().map(|id| ("id", *id)));
    browser.post(PATH, &form).await
}

async fn works(server: &TestServer, token: &MadeToken) -> bool {
    server.anonymous().token("alice", &token.secret, &[]).await.status == StatusCode::OK
}

#[tokio::test]
async fn one_question_names_them_all() {
    let server = TestServer::start().await;
    let (alice, tokens) = three(&server).await;
    let (one, two) = (&tokens[0].id, &tokens[1].id);
    for (verb, said) in [
        ("delete", "Delete these 2 tokens? Anything that uses them will lose access. This can’t be undone."),
        ("deactivate", "Deactivate these 2 tokens? You can activate them again later."),
    ] {
        let path = format!("{PATH}?verb={verb}&id={one}&id={two}&id={one}");
        let page = alice.get(&path).await;
        assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
        assert!(page.body.contains(said), "{}", page.body);
        assert!(page.body.contains("<li>ci &#60;b&#62;push&#60;/b&#62; ") && page.body.contains("<li>laptop "));
        assert!(!page.body.contains("<li>kept "));
        assert_eq!(page.body.matches("type=\"hidden\" name=\"id\"").count(), 2);
        let fragment = alice.htmx_get(&path).await;
        assert!(fragment.body.trim_start().starts_with("<dialog"));
    }
    assert_eq!(
        server.number("SELECT COUNT(*) FROM token WHERE is_active").await,
        Some(3),
        "a question changes nothing"
    );
    let table = alice.get("/settings/tokens").await.body;
    assert!(table.contains(&format!("name=\"id\" value=\"{}\" aria-label=\"Select laptop\"", tokens[1].id)));
}

#[tokio::test]
async fn they_are_deactivated_and_deleted_together() {
    let server = TestServer::start().await;
    let (alice, tokens) = three(&server).await;
    let ids = [tokens[0].id.as_str(), tokens[1].id.as_str()];
    let answer = apply(&alice, "deactivate", &ids).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    assert!(alice.get("/settings/tokens").await.body.contains("2 tokens deactivated. New requests are refused now"));
    let now = [works(&server, &tokens[0]).await, works(&server, &tokens[1]).await, works(&server, &tokens[2]).await];
    assert_eq!(now, [false, false, true]);
    let form = [("verb", "delete"), ("id", ids[0]), ("id", ids[1])];
    let answer = alice.htmx_post(PATH, &form).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(answer.body.contains("2 tokens deleted.") && answer.body.contains("hx-swap-oob=\"true\""));
    assert_eq!((server.count("token").await, server.count("deleted_token").await), (1, 2));
    let lines = "SELECT COUNT(*) FROM activity WHERE kind IN ('token_deactivated', 'token_deleted')";
    assert_eq!(server.number(lines).await, Some(4));
    assert!(works(&server, &tokens[2]).await);
}

#[tokio::test]
async fn with_one_that_is_not_there_none_is_changed() {
    let server = TestServer::start().await;
    let (alice, tokens) = three(&server).await;
    let bobs = server.account_signed_in("bob").await.generate("bobs own", "repo:read", "30").await;
    let before = (server.rows("token").await, server.rows("activity").await);
    for foreign in [bobs.id.as_str(), "00000000-0000-7000-8000-000000000000", "nonsense"] {
        for verb in ["deactivate", "delete"] {
            let answer = apply(&alice, verb, &[&tokens[0].id, foreign, &tokens[1].id]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{verb} {foreign}");
            let question = alice.get(&format!("{PATH}?verb={verb}&id={}&id={foreign}", tokens[0].id)).await;
            assert_eq!(question.status, StatusCode::NOT_FOUND);
            assert!(!question.body.contains("bobs own"));
        }
    }
    assert_eq!((server.rows("token").await, server.rows("activity").await), before);
}

#[tokio::test]
async fn without_any_or_with_an_odd_verb_nothing_happens() {
    let server = TestServer::start().await;
    let (alice, tokens) = three(&server).await;
    let none = alice.get(&format!("{PATH}?verb=delete")).await;
    assert_eq!((none.status, none.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    for verb in ["", "DELETE", "edit"] {
        assert_eq!(apply(&alice, verb, &[&tokens[0].id]).await.status, StatusCode::BAD_REQUEST, "{verb}");
    }
    let many: Vec<String> = (0..51).map(|number| format!("x{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(apply(&alice, "delete", &many).await.status, StatusCode::BAD_REQUEST, "more than a page has");
    assert_eq!(server.number("SELECT COUNT(*) FROM token WHERE is_active").await, Some(3));
}

#[tokio::test]
async fn expired_ones_stay_as_they_are_when_others_are_deactivated() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let alice = server.signed_in("alice").await;
    let (short, long) =
        (alice.generate("short", "repo:read", "7").await, alice.generate("long", "repo:read", "30").await);
    server.clock.advance(Duration::days(7));
    let alice = server.signed_in("alice").await;
    apply(&alice, "deactivate", &[&short.id, &long.id]).await;
    assert!(alice.get("/settings/tokens").await.body.contains("1 token deactivated. New requests are refused now"));
    let refused = server.anonymous().token("alice", &short.secret, &[]).await;
    assert!(refused.body.contains("(PAT-EXPIRED)"), "{}", refused.body);
    let lines = "SELECT COUNT(*) FROM activity WHERE kind = 'token_deactivated'";
    assert_eq!(server.number(lines).await, Some(1), "and the log says what was done");
}

#[tokio::test]
async fn they_are_activated_together_and_only_after_a_recent_sign_in() {
    let server = TestServer::start().await;
    let (alice, tokens) = three(&server).await;
    let ids = [tokens[0].id.as_str(), tokens[1].id.as_str()];
    apply(&alice, "deactivate", &ids).await;
    let question = alice.get(&format!("{PATH}?verb=activate&id={}&id={}", ids[0], ids[1])).await.body;
    assert!(question.contains("Activate these 2 tokens? Programs that still use them get access again."), "{question}");
    assert!(question.contains("Activate tokens</button>"));
    server.clock.advance(Duration::minutes(31));
    let form = [("verb", "activate"), ("id", ids[0]), ("id", ids[1])];
    let asked = alice.post(PATH, &form).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert_eq!(asked.body.matches("type=\"hidden\" name=\"id\"").count(), 2, "the question keeps both: {}", asked.body);
    assert!(!works(&server, &tokens[0]).await);
    let mut confirmed = form.to_vec();
    confirmed.push(("confirm_password", crate::harness::PASSWORD));
    assert_eq!(alice.post(PATH, &confirmed).await.status, StatusCode::SEE_OTHER);
    assert!(alice.get("/settings/tokens").await.body.contains("2 tokens are active again."));
    assert!(works(&server, &tokens[0]).await && works(&server, &tokens[1]).await);
    let lines = "SELECT COUNT(*) FROM activity WHERE kind = 'token_activated'";
    assert_eq!(server.number(lines).await, Some(2));
}

#[tokio::test]
async fn the_question_says_how_many_were_used_recently_and_which_have_expired() {
    let server = TestServer::start().await;
    let (alice, tokens) = three(&server).await;
    let docker = server.anonymous().with_header("user-agent", "docker/28.2.2 go/go1.24 os/linux arch/amd64");
    docker.token("alice", &tokens[0].secret, &[]).await;
    server.flush().await;
    let ids = format!("id={}&id={}&id={}", tokens[0].id, tokens[1].id, tokens[2].id);
    let ask = async |browser: &Browser, verb: &str| browser.get(&format!("{PATH}?verb={verb}&{ids}")).await.body;
    for verb in ["delete", "deactivate"] {
        let question = ask(&alice, verb).await;
        assert!(question.contains("1 was used in the last 7 days: that will stop."), "{verb}: {question}");
        assert!(question.contains("Last used just now by docker 28.2 on linux") && question.contains("Never used"));
    }
    assert!(!ask(&alice, "activate").await.contains("that will stop"), "activating stops nothing");
    server.clock.advance(Duration::days(8));
    let alice = server.signed_in("alice").await;
    assert!(!ask(&alice, "delete").await.contains("that will stop"), "not within seven days");
    server.clock.advance(Duration::days(30));
    let alice = server.signed_in("alice").await;
    for verb in ["activate", "deactivate"] {
        assert!(ask(&alice, verb).await.contains("3 have expired and stay as they are."), "{verb}");
    }
    assert!(!ask(&alice, "delete").await.contains("stay as they are"));
}

#[tokio::test]
async fn those_that_were_deleted_in_another_tab_do_not_hold_up_the_others() {
    let server = TestServer::start().await;
    let (alice, tokens) = three(&server).await;
    let ids: Vec<&str> = tokens.iter().map(|token| token.id.as_str()).collect();
    apply(&alice, "delete", &ids[..1]).await;
    let question = alice.get(&format!("{PATH}?verb=deactivate&id={}&id={}", ids[0], ids[1])).await;
    assert_eq!(question.status, StatusCode::OK);
    assert!(question.body.contains("Deactivate this token?") && !question.body.contains("<b>push"));
    let answer = alice.htmx_post(PATH, &[("verb", "deactivate"), ("id", ids[0]), ("id", ids[1])]).await;
    assert!(answer.body.contains("1 token deactivated.") && answer.body.contains("1 was already deleted."));
    apply(&alice, "delete", &ids[1..]).await;
    for verb in ["activate", "deactivate", "delete"] {
        let answer = alice.htmx_post(PATH, &[("verb", verb), ("id", ids[1]), ("id", ids[2])]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{verb}");
        assert!(answer.body.contains("These tokens were already deleted.") && answer.body.contains("No tokens yet"));
        let question = alice.get(&format!("{PATH}?verb={verb}&id={}", ids[1])).await;
        assert_eq!(question.status, StatusCode::NOT_FOUND);
        assert!(question.body.contains("This token was already deleted (“laptop”)."), "{}", question.body);
    }
}
