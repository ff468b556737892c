//! Mails: what is refused before it is sent, and whole conversations with an SMTP server.

use luochui::config::{Smtp, Tls};
use luochui::performers::PerformError;
use luochui::performers::mail::{Letter, Post, Sent};

use crate::support::engine::run;
use crate::support::smtp::Sink;

const FROM: &str = "交易中心 <no-reply@jy.example.org>";

fn letter() -> Letter {
    Letter {
        name: "张三".into(),
        address: "zhangsan@example.org".into(),
        subject: "【待办】成交确认书签章（受让方）：花垣县某事业单位公务车辆一批（3 辆）".into(),
        text: "第一行\r\n.\r\nRCPT TO:<other@example.org>\r\n完".into(),
        html: Some("<p>第一行</p>".into()),
        invite: Some("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".into()),
        lines: None,
        id: "0123abcd".into(),
        at: 1_789_522_440_000,
    }
}

/// Over a connection pool of its own, which lives and ends within the runtime.
async fn send(port: u16) -> Result<Sent, PerformError> {
    let smtp = Smtp {
        host: "127.0.0.1".into(),
        port,
        user: String::new(),
        password: String::new(),
        tls: Tls::None,
    };
    Post::smtp(FROM, &smtp).unwrap().send(&letter()).await
}

#[test]
fn a_line_break_in_any_header_field_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let post = Post::folder(FROM, folder.path().into()).unwrap();
    for evil in [
        "x\r\nBcc: evil@example.org",
        "x\nBcc: evil@example.org",
        "x\rBcc: e",
        "x\0y",
    ] {
        let spoilt: [fn(&mut Letter, &str); 4] = [
            |letter, evil| letter.subject = evil.into(),
            |letter, evil| letter.name = evil.into(),
            |letter, evil| letter.address = format!("a@example.org{evil}"),
            |letter, evil| letter.id = evil.into(),
        ];
        for spoil in spoilt {
            let mut letter = letter();
            spoil(&mut letter, evil);
            let fault = run(post.send(&letter)).unwrap_err();
            assert!(matches!(fault, PerformError::Lasting(_)), "{fault}");
        }
    }
    for from in ["x\r\nBcc: e@example.org <a@example.org>", "nobody"] {
        assert!(Post::folder(from, folder.path().into()).is_err(), "{from}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn addresses_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let post = Post::folder(FROM, folder.path().into()).unwrap();
    for address in [
        "",
        "a",
        "a@b@c",
        "a@example.org, b@example.org",
        "<a@example.org>",
        "a b@example.org",
    ] {
        let letter = Letter {
            address: address.into(),
            ..letter()
        };
        assert!(run(post.send(&letter)).is_err(), "{address}");
    }
}

#[test]
fn a_mail_arrives_whole_and_encoded() {
    let sink = Sink::start(|_| "250 ok".into());
    let sent = run(send(sink.port)).unwrap();
    let taken = sink.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].to, "zhangsan@example.org");
    assert_eq!(taken[0].part("text/plain"), letter().text);
    assert_eq!(taken[0].part("text/html"), "<p>第一行</p>");
    assert_eq!(taken[0].part("text/calendar"), "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    assert_eq!(sent.message_id, "<0123abcd@jy.example.org>");
    assert_eq!(taken[0].header("Message-ID"), sent.message_id);
    assert_eq!(taken[0].header("Auto-Submitted"), "auto-generated");
    assert!(
        taken[0].header("Subject").starts_with("=?utf-8?b?"),
        "{}",
        taken[0].data
    );
    assert!(taken[0].data.is_ascii(), "{}", taken[0].data);
    assert!(
        taken[0].header("Date").starts_with("Wed, 16 Sep 2026 01:34:00"),
        "{}",
        taken[0].data
    );
}

#[test]
fn a_final_refusal_is_lasting_and_a_busy_server_is_not() {
    for (reply, lasting) in [("550 no such mailbox", true), ("451 try again later", false)] {
        let sink = Sink::start(move |_| reply.into());
        let fault = run(send(sink.port)).unwrap_err();
        assert_eq!(matches!(fault, PerformError::Lasting(_)), lasting, "{reply}: {fault}");
        assert!(fault.to_string().contains(&reply[4..]), "{fault}");
        assert!(sink.taken().is_empty());
    }
    let nobody = run(send(1)).unwrap_err();
    assert!(matches!(nobody, PerformError::Passing(_)), "{nobody}");
}

#[test]
fn without_smtp_a_repeated_mail_replaces_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let post = Post::folder(FROM, folder.path().into()).unwrap();
    run(post.send(&letter())).unwrap();
    run(post.send(&letter())).unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].extension().unwrap(), "eml");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains("Message-ID: <0123abcd@jy.example.org>"), "{text}");
}
