//! What is sent to an instance after its end: it has a line after the end and a receipt like every other offer, and nothing that
//! stood there before changes.

use luochui::engine::audit::{Depth, verify as audit};
use luochui::engine::{Engine, Receipt as Answered};
use luochui::machine::Name;
use luochui::record::chain::digests;
use luochui::record::dossier::verify_dossier;
use luochui::record::verify::{Held, Report, Status, verify};
use luochui::record::{Receipt, Row};
use luochui::store::connection::{Target, Use};
use luochui::store::incident_rows::incidents_open;

use super::receipts::{checkpoints_in, dossier};
use super::world::{call, file_of, files, key, open, played, signer, start};
use crate::support::engine::{event, member, on_both, still, submission, submit};

fn held(receipts: &[Receipt]) -> Held {
    let sign = |receipt: &Receipt| {
        let mut receipt = receipt.clone();
        receipt.sign(&*signer(7)).unwrap();
        receipt
    };
    Held {
        keys: vec![key(7)],
        receipts: receipts.iter().map(sign).collect(),
        ..Held::default()
    }
}

fn fault(report: &Report) -> Option<&str> {
    let step = report.steps.iter().find(|step| step.status == Status::Failed);
    step.map(|step| step.text.as_str())
}

fn reason(answered: &Answered) -> Option<&str> {
    answered.record.as_ref()?.reason.as_deref()
}

#[test]
fn an_offer_after_the_end_has_a_line_after_it_and_a_receipt() {
    on_both(async |place| {
        let clock = still();
        let mut played = played(&place, &clock).await;
        let mut late = Vec::new();
        for (name, amount) in [("bob", 95_000), ("ann", 1)] {
            clock.advance_to(clock.now().plus_millis(1));
            let answered = call(&played.engine, &played.hall, member(name), amount).await;
            assert_eq!(reason(&answered), Some("ended"));
            late.extend(answered.record);
        }
        let before = std::mem::replace(&mut played.file, file_of(&played.engine, &played.hall).await);
        let file = &played.file;
        let own = |file: &str| {
            file.lines()
                .filter(|line| !line.starts_with("{\"checkpoint\":"))
                .count()
        };
        let lines: Vec<&str> = file.lines().collect();
        assert_eq!(own(file), own(&before) + 2);
        assert!(
            before
                .lines()
                .take(own(&before))
                .eq(lines.iter().copied().take(own(&before)))
        );
        assert_eq!(
            checkpoints_in(file),
            checkpoints_in(&before),
            "what covered the whole still does"
        );

        let mut all = late.clone();
        all.extend(played.receipts.clone());
        let report = verify(file, &held(&all));
        assert!(report.holds(), "{report:#?}");
        assert_eq!(
            report.head,
            verify(&before, &held(&[])).head,
            "the head that papers name"
        );
        let end = report.steps.iter().find(|step| step.name == "end").unwrap();
        assert!(end.text.contains("2 lines after it"), "{end:?}");
        let report = verify_dossier(&dossier(&played).await, &held(&all));
        assert!(report.holds(), "{report:#?}");

        // One left out, one told otherwise, one that cannot be.
        let last = own(file) - 1;
        let without = |at: usize| {
            let kept = lines.iter().enumerate().filter(|(index, _)| *index != at);
            kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
        };
        assert!(
            fault(&verify(&without(last), &held(&late[..1]))).is_none(),
            "nobody in hand misses it"
        );
        assert!(
            fault(&verify(&without(last), &held(&late)))
                .unwrap()
                .contains("not there")
        );
        let told = |change: &dyn Fn(&mut Row<'_>)| {
            let mut row = Row::parse(lines[last]).unwrap();
            change(&mut row);
            let mut forged = lines.clone();
            let text = row.text();
            forged[last] = &text;
            let forged: String = forged.iter().map(|line| format!("{line}\n")).collect();
            verify(&forged, &held(&[]))
        };
        assert!(told(&|_| {}).holds());
        let found = told(&|row| (row.outcome, row.reason) = (luochui::record::row::Ending::Accepted, None));
        assert!(fault(&found).unwrap().contains("no mere refusal"));
        let found = told(&|row| row.after = false);
        assert!(fault(&found).unwrap().contains("follows the end"));
        let found = told(&|row| row.done = true);
        assert!(fault(&found).is_some());

        drop(played);
        let mut conn = Target::parse(&place.url()).unwrap().open(Use::Read).unwrap();
        let report = audit(&mut conn, Depth::Replay).unwrap();
        assert_eq!((report.lines, &report.faults[..]), (18, &[][..]));
    });
}

async fn ended(engine: &Engine, hall: &Name) {
    while !engine.trade(hall).await.unwrap().trade.instances[hall].done {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[test]
fn an_offer_in_time_that_surfaces_after_the_end_is_receipted_with_its_arrival() {
    on_both(async |place| {
        let clock = still();
        let (engine, _handle) = start(&place, &clock);
        engine.library().publish(files(), "admin").await.unwrap();
        let hall = open(&engine).await;
        submit(&engine, member("ann"), event(&hall, "join", &[]), None).await;
        call(&engine, &hall, member("ann"), 10_000).await;
        let due = engine.trade(&hall).await.unwrap().trade.instances[&hall].timers["countdown"].due;
        clock.advance_to(due);
        ended(&engine, &hall).await;
        let mut offer = submission(
            &engine,
            member("ann"),
            event(&hall, "call", &[("amount", 20_000.into())]),
            None,
        );
        offer.ingress = due.plus_millis(-1);
        let answered = engine.submit(offer).await.unwrap();
        let receipt = answered.record.clone().unwrap();
        assert_eq!(
            (receipt.arrived_at, reason(&answered)),
            (due.plus_millis(-1), Some("ended"))
        );
        let open = engine.read(|conn| incidents_open(conn, 9)).await.unwrap();
        assert_eq!(open[0].kind, "late_ingress");
        let file = file_of(&engine, &hall).await;
        let report = verify(&file, &held(std::slice::from_ref(&receipt)));
        assert!(report.holds(), "{report:#?}");
        let line = file
            .lines()
            .find(|line| digests(line.as_bytes()).0 == receipt.line.sm3)
            .unwrap();
        assert!(line.contains("\"after\":true") && !line.contains("\"done\""), "{line}");
    });
}
