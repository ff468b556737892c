//! Capacities and bookings, on both databases.

use luochui::machine::Time;
use luochui::machine::slots::Span;
use luochui::store::batch::Batch;
use luochui::store::booking_rows::{
    BookingKey, BookingRow, CapacityMove, booking_show, bookings_after, bookings_announced, bookings_unknown,
    capacity_get, capacity_set,
};
use luochui::store::connection::{Target, Use};
use luochui::store::migrations::migrate;
use luochui::store::{Connection, StoreError, dialect};

use crate::support::engine::Place;

fn on_both(test: impl Fn(&mut Connection)) {
    for place in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let mut conn = Target::parse(&place.url()).unwrap().open(Use::Write).unwrap();
        migrate(&mut conn).unwrap();
        test(&mut conn);
    }
}

fn row(instance: &str, from_at: i64, until_at: i64) -> BookingRow {
    BookingRow {
        instance: instance.into(),
        trade: "t".into(),
        capacity: "rooms".into(),
        from_at,
        until_at,
        shown: Some("{}".into()),
    }
}

fn booked(version: i64, rows: &[BookingRow]) -> Batch {
    Batch {
        capacities_moved: vec![CapacityMove {
            name: "rooms".into(),
            version,
        }],
        bookings: rows.to_vec(),
        ..Batch::default()
    }
}

fn instances(rows: &[BookingRow]) -> Vec<&str> {
    rows.iter().map(|row| row.instance.as_str()).collect()
}

#[test]
fn a_booking_rests_on_the_version_that_was_seen() {
    on_both(|conn| {
        assert_eq!(capacity_get(conn, "rooms").unwrap(), None);
        dialect::batch_commit(conn, &booked(1, &[row("a", 10, 20)]), || {}).unwrap();
        // Who saw none of it before the first was booked comes too late, and so does who saw the first version.
        dialect::batch_commit(conn, &booked(2, &[row("b", 15, 30)]), || {}).unwrap();
        for stale in [1, 2] {
            let late = dialect::batch_commit(conn, &booked(stale, &[row("c", 15, 30)]), || {});
            assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
        }
        assert_eq!(capacity_get(conn, "rooms").unwrap().unwrap().version, 2);
        assert_eq!(instances(&bookings_after(conn, "rooms", Time(0)).unwrap()), ["a", "b"]);
    });
}

#[test]
fn a_booking_moves_and_goes_and_is_found_by_its_time() {
    on_both(|conn| {
        let rows = [row("a", 10, 20), row("b", 20, 30), row("c", 5, 40)];
        dialect::batch_commit(conn, &booked(1, &rows), || {}).unwrap();
        assert_eq!(instances(&bookings_after(conn, "rooms", Time(20)).unwrap()), ["c", "b"]);
        assert_eq!(instances(&bookings_after(conn, "halls", Time(0)).unwrap()), [""; 0]);
        let span = |from, until| Span {
            from: Time(from),
            until: Time(until),
        };
        assert_eq!(
            instances(&bookings_announced(conn, span(19, 20), 9).unwrap()),
            ["c", "a"]
        );
        assert_eq!(
            instances(&bookings_announced(conn, span(0, 99), 2).unwrap()),
            ["c", "a"]
        );
        let mut moved = booked(2, &[row("a", 50, 60)]);
        moved.bookings_gone = vec![BookingKey { instance: "c".into() }];
        dialect::batch_commit(conn, &moved, || {}).unwrap();
        assert_eq!(
            bookings_after(conn, "rooms", Time(0)).unwrap(),
            [row("b", 20, 30), row("a", 50, 60)]
        );
    });
}

#[test]
fn what_a_booking_shows_is_worked_out_once() {
    on_both(|conn| {
        let shows = |instance, shown: Option<&str>| BookingRow {
            shown: shown.map(str::to_owned),
            ..row(instance, 10, 20)
        };
        let rows = [shows("a", None), shows("b", Some("")), shows("c", Some(""))];
        dialect::batch_commit(conn, &booked(1, &rows), || {}).unwrap();
        let span = Span {
            from: Time(0),
            until: Time(99),
        };
        assert_eq!(instances(&bookings_announced(conn, span, 9).unwrap()), [""; 0]);
        assert_eq!(bookings_unknown(conn).unwrap().len(), 2);
        booking_show(conn, "b", Some("{}")).unwrap();
        booking_show(conn, "c", None).unwrap();
        booking_show(conn, "b", Some("later")).unwrap();
        let announced = bookings_announced(conn, span, 9).unwrap();
        assert_eq!(announced, [shows("b", Some("{}"))]);
        assert_eq!(bookings_unknown(conn).unwrap(), []);
        // What is no longer announced is hidden again.
        dialect::batch_commit(conn, &booked(2, &[shows("b", None)]), || {}).unwrap();
        assert_eq!(bookings_announced(conn, span, 9).unwrap(), []);
    });
}

#[test]
fn a_number_that_the_centre_sets_changes_the_version() {
    on_both(|conn| {
        capacity_set(conn, "rooms", Some(3), "ann", Time(7)).unwrap();
        let set = capacity_get(conn, "rooms").unwrap().unwrap();
        assert_eq!(
            (set.version, set.ceiling, set.set_by.as_deref()),
            (1, Some(3), Some("ann"))
        );
        dialect::batch_commit(conn, &booked(2, &[row("a", 10, 20)]), || {}).unwrap();
        capacity_set(conn, "rooms", None, "bob", Time(8)).unwrap();
        let late = dialect::batch_commit(conn, &booked(3, &[row("b", 10, 20)]), || {});
        assert!(matches!(late, Err(StoreError::Conflict)));
        let set = capacity_get(conn, "rooms").unwrap().unwrap();
        assert_eq!((set.version, set.ceiling, set.set_at), (3, None, Some(8)));
    });
}
