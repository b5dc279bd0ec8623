//! Pages in Simplified Chinese.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Browser, TestServer};

fn assert_contains(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "{word} in {page}");
    }
}

async fn reader(server: &TestServer) -> Browser {
    server.account_signed_in("alice").await.with_header("accept-language", "zh-CN,zh;q=0.9,en;q=0.8")
}

#[tokio::test]
async fn the_sign_in_page() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let browser = server.anonymous().with_header("accept-language", "zh-CN");
    let page = browser.get("/login").await.body;
    assert_contains(&page, &["<html lang=\"zh-CN\"", ">登录</button>", ">用户名</label>", ">密码</label>"]);
    let refused = browser.post("/login", &[("username", "x")]).await.body;
    assert_contains(&refused, &["用户名或密码不正确。"]);
}

#[tokio::test]
async fn the_frame_and_the_table() {
    let server = TestServer::start().await;
    let browser = reader(&server).await;
    let token = browser.generate("ci", "repo:read", "7").await;
    browser.generate("永远", "repo:admin", "never").await;
    let page = browser.get("/settings/tokens").await.body;
    let frame = ["aria-label=\"帐户菜单\"", ">帐户设置</a>", ">退出登录</button>", ">常规</a>", ">个人访问令牌</a>"];
    assert_contains(&page, &frame);
    for column in ["描述", "作用域", "状态", "来源", "创建时间", "最后使用", "过期时间"] {
        assert_contains(&page, &[&format!("hx-push-url=\"true\">{column}</a></th>")]);
    }
    let cells = [">活动</span>", ">手动</td>", ">从未使用</td>", ">永不过期</td>", "aria-label=\"ci 的操作\""];
    assert_contains(&page, &cells);
    let menu = [">停用</button>", ">编辑</a>", ">删除</a>", ">生成相同设置的新令牌</a>", ">读取、写入、删除</td>"];
    assert_contains(&page, &menu);
    browser.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    assert_contains(&browser.get("/settings/tokens").await.body, &[">非活动</span>", ">激活</button>"]);
    server.clock.advance(Duration::days(7));
    let browser = server.signed_in("alice").await.with_header("accept-language", "zh-CN");
    assert_contains(&browser.get("/settings/tokens").await.body, &[">已过期</span>"]);
}

#[tokio::test]
async fn the_form_and_the_token() {
    let server = TestServer::start().await;
    let browser = reader(&server).await;
    let page = browser.get("/settings/tokens/new").await.body;
    let labels =
        [">描述</label>", ">过期日期</label>", "<legend>访问权限</legend>", ">生成</button>", ">永不过期</option>"];
    assert_contains(&page, &labels);
    for level in ["公开存储库只读", "只读", "读写", "读取、写入、删除"] {
        assert_contains(&page, &[&format!(">{level}</span>")]);
    }
    let end = (server.clock.now() + Duration::days(90)).date();
    let said = format!("将于 {}年{}月{}日过期。", end.year(), u8::from(end.month()), end.day());
    assert_contains(&page, &[&said]);
    let key = browser.form_key().await;
    let wrong = browser.post("/settings/tokens", &[("form_key", key.as_str())]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_contains(&wrong.body, &["请说明令牌的用途。", "请从列表中选择期限。", "请选择访问权限。"]);
    let form = [("form_key", key.as_str()), ("description", "ci"), ("expiration", "7"), ("permission", "repo:read")];
    let made = browser.post("/settings/tokens", &form).await.body;
    assert_contains(&made, &[">复制</button>", ">关闭</a>", "无法再次查看"]);
    assert_contains(&browser.post("/settings/tokens", &form).await.body, &["无法再次显示"]);
}

#[tokio::test]
async fn editing_and_deleting() {
    let server = TestServer::start().await;
    let browser = reader(&server).await;
    let id = browser.generate("ci", "repo:read", "7").await.id;
    let edit = browser.get(&format!("/settings/tokens/{id}/edit")).await.body;
    assert_contains(&edit, &[">保存令牌</button>", "过期日期无法更改。", ">生成相同设置的新令牌</a>"]);
    let delete = browser.get(&format!("/settings/tokens/{id}/delete")).await.body;
    assert_contains(&delete, &["确定要删除“ci”吗？", "此操作无法撤销。"]);
}

#[tokio::test]
async fn error_pages() {
    let server = TestServer::start().await;
    let browser = server.anonymous().with_header("accept-language", "zh");
    assert_contains(&browser.get("/nowhere").await.body, &["<html lang=\"zh-CN\"", "未找到"]);
    assert_contains(&browser.get("/setup").await.body, &["创建第一个帐户"]);
}

#[tokio::test]
async fn the_other_pages_of_settings() {
    let server = TestServer::start().await;
    let browser = reader(&server).await;
    let navigation = [">安全</a>", ">会话</a>", ">活动记录</a>", ">帐户</a>"];
    for (path, words) in [
        ("/settings", ["<h1 tabindex=\"-1\">常规</h1>", "显示名称"]),
        ("/settings/security", ["双重身份验证", "恢复代码"]),
        ("/settings/sessions", ["<h1 tabindex=\"-1\">会话</h1>", "退出登录</button>"]),
        ("/settings/activity", ["<h1 tabindex=\"-1\">活动记录</h1>", "登录"]),
        ("/admin/accounts", ["<h1 tabindex=\"-1\">帐户</h1>", "管理员"]),
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_contains(&page.body, &navigation);
        if path != "/settings/security" {
            assert_contains(&page.body, &words);
        }
    }
    let page = browser.post("/settings/security/two-factor", &[]).await.body;
    assert_contains(&page, &["身份验证码"]);
}
