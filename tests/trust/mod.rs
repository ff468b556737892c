//! The trust store of a running server: its folder, what replaces it while it runs, and revocation lists that are fetched.

use std::path::Path;

use luochui::clock::Clock;
use luochui::config::Config;
use luochui::engine::{Engine, EngineConfig};
use luochui::seal::trust::{Code, Purpose};
use luochui::trust::Trust;

use crate::seal::pki::{COMPANY, NOW, World, days, key, straight};

/// An engine on an empty database, whose clock stands at the day of the tests' certificates.
fn engine(folder: &Path) -> (Engine, luochui::engine::Handle) {
    let settings = EngineConfig::new(folder.join("x.db").to_string_lossy().into_owned());
    Engine::start(&settings, Clock::virtual_from(NOW, 0)).unwrap()
}

fn write(folder: &Path, world: &World) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("root.pem"), world.root.certificate.to_pem()).unwrap();
    std::fs::write(folder.join("issuing.der"), world.issuing.certificate.der()).unwrap();
    let profiles = serde_json::to_string(&world.profiles).unwrap();
    std::fs::write(folder.join("profiles.json"), profiles).unwrap();
}

fn judge(trust: &Trust, world: &World) -> Option<Code> {
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let judged = trust.current().verify(&certificate, Purpose::Login, NOW);
    judged.err().map(|failure| failure.code)
}

#[tokio::test]
async fn a_folder_is_taken_in_again_when_it_changes_and_a_wrong_file_spoils_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trust");
    let world = World::new();
    write(&folder, &world);
    let mut config = Config::for_testing(place.path());
    config.certificates.trust = folder.clone();
    let (engine, _threads) = engine(place.path());
    let trust = Trust::new(&config);
    trust.refresh(&engine).await.unwrap();
    assert_eq!(judge(&trust, &world), Some(Code::RevocationUnknown));
    assert!(!trust.refresh(&engine).await.unwrap(), "nothing has changed");

    let list = world.issuing.list_der(days(-1), &[], &|_| {});
    std::fs::write(folder.join("a.crl"), list).unwrap();
    std::fs::write(folder.join("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    std::fs::write(folder.join("notes.txt"), "nothing").unwrap();
    assert!(trust.refresh(&engine).await.unwrap());
    assert_eq!(judge(&trust, &world), None);

    let list = world.issuing.list_der(days(-1), &[(7, days(-1))], &|_| {});
    std::fs::write(folder.join("a.crl"), list).unwrap();
    assert!(trust.refresh(&engine).await.unwrap());
    assert_eq!(judge(&trust, &world), Some(Code::Revoked));
    std::fs::remove_file(folder.join("root.pem")).unwrap();
    assert!(trust.refresh(&engine).await.unwrap());
    assert_eq!(judge(&trust, &world), Some(Code::UnknownIssuer));
}

/// Answers every request with these bytes.
fn serve(bytes: Vec<u8>) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = [0; 1024];
            let _read = stream.read(&mut asked);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            let _sent = stream.write_all(&[head.as_bytes(), &bytes].concat());
        }
    });
    host
}

#[tokio::test]
async fn a_list_is_fetched_from_an_allowed_host_only_and_counts_only_when_signed() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trust");
    let mut world = World::new();
    let good = world.issuing.list_der(days(-1), &[], &|_| {});
    let mut forged = good.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let (good, forged) = (serve(good), serve(forged));
    let (engine, _threads) = engine(place.path());
    for (hosts, served, expected) in [
        (vec![], &good, Some(Code::RevocationUnknown)),
        (vec![forged.clone()], &forged, Some(Code::RevocationUnknown)),
        (vec![good.clone()], &good, None),
    ] {
        world.profiles[0].crl_urls = vec![format!("http://{served}/list.crl")];
        write(&folder, &world);
        let mut config = Config::for_testing(place.path());
        config.certificates.trust = folder.clone();
        config.certificates.crl_hosts = hosts;
        let trust = Trust::new(&config);
        trust.refresh(&engine).await.unwrap();
        trust.fetch(&engine).await;
        assert_eq!(judge(&trust, &world), expected, "from {served}");
    }
}

/// What each address serves at present.
type Shelf = std::sync::Arc<std::sync::Mutex<std::collections::BTreeMap<String, Vec<u8>>>>;

/// A server of lists, by its host, and what stands in it.
fn shelf() -> (String, Shelf) {
    use std::io::{Read as _, Write as _};
    let shelf = Shelf::default();
    let own = std::sync::Arc::clone(&shelf);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = [0; 1024];
            let count = stream.read(&mut asked).unwrap_or(0);
            let text = String::from_utf8_lossy(&asked[..count]).into_owned();
            let path = text.split(' ').nth(1).unwrap_or("").to_owned();
            let bytes = own.lock().unwrap().get(&path).cloned().unwrap_or_default();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            let _sent = stream.write_all(&[head.as_bytes(), &bytes].concat());
        }
    });
    (host, shelf)
}

#[tokio::test]
async fn lists_of_two_points_stand_side_by_side_and_an_older_one_pushes_out_none() {
    use luochui::seal::asn1::write;
    use luochui::seal::certificate::Extension;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trust");
    let mut world = World::new();
    let (host, shelf) = shelf();
    let names = |text: &str| write::explicit(0, &write::explicit(0, &write::element(0x86, text.as_bytes())));
    let extension = |oid: &str, critical: bool, value: Vec<u8>| Extension {
        oid: oid.parse().unwrap(),
        critical,
        value,
    };
    // Each certificate belongs to one of two distribution points, whose lists have the same issuer and key.
    let list = |point: &str, day: i64, revoked: &[u8]| {
        let revoked: Vec<_> = revoked.iter().map(|serial| (*serial, days(-9))).collect();
        world.issuing.list_der(days(day), &revoked, &|draft| {
            let value = write::sequence(&[names(point)]);
            draft.extensions.push(extension("2.5.29.28", true, value));
        })
    };
    let certificate = |serial: u8, point: &str| {
        world.issuing.company(serial, COMPANY, "测试公司", &key(9), &|draft| {
            let value = write::sequence(&[write::sequence(&[names(point)])]);
            draft.extensions.push(extension("2.5.29.31", false, value));
        })
    };
    let (one, two) = (certificate(7, "http://crl/1"), certificate(8, "http://crl/2"));
    let (first, second) = (list("http://crl/1", -3, &[]), list("http://crl/2", -3, &[]));
    let newer = list("http://crl/1", -1, &[7]);
    let future = list("http://crl/1", 2, &[]);
    world.profiles[0].crl_urls = vec![format!("http://{host}/1"), format!("http://{host}/2")];
    write(&folder, &world);
    let mut config = Config::for_testing(place.path());
    config.certificates.trust = folder.clone();
    config.certificates.crl_hosts = vec![host];
    let (engine, _threads) = engine(place.path());
    let trust = Trust::new(&config);
    trust.refresh(&engine).await.unwrap();
    let put = |path: &str, bytes: &[u8]| drop(shelf.lock().unwrap().insert(path.to_owned(), bytes.to_vec()));
    let judge = |certificate| {
        let judged = trust.current().verify(certificate, Purpose::Seal, NOW);
        judged.err().map(|failure| failure.code)
    };
    put("/1", &first);
    put("/2", &second);
    trust.fetch(&engine).await;
    assert_eq!((judge(&one), judge(&two)), (None, None));
    put("/1", &newer);
    trust.fetch(&engine).await;
    assert_eq!((judge(&one), judge(&two)), (Some(Code::Revoked), None));
    // The old list again, by whoever stands between, also under the other address; and one that says it is of the future.
    for replayed in [&first, &future] {
        put("/1", replayed);
        put("/2", replayed);
        trust.fetch(&engine).await;
        assert_eq!((judge(&one), judge(&two)), (Some(Code::Revoked), None));
    }
    let lists = || trust.current().lists().count();
    assert_eq!(lists(), 3, "the superseded list stays to judge the past by");

    // One that an admin took out comes back with the next fetch.
    let rows = engine.read(luochui::store::trust_rows::trust_current).await.unwrap();
    for row in rows {
        let out = move |conn: &mut _| luochui::store::trust_rows::trust_remove(conn, &row.id, "root", 1);
        engine.write("take out", out).await.unwrap();
    }
    trust.refresh(&engine).await.unwrap();
    assert_eq!(judge(&two), Some(Code::RevocationUnknown));
    put("/1", &newer);
    put("/2", &second);
    trust.fetch(&engine).await;
    assert_eq!((judge(&one), judge(&two)), (Some(Code::Revoked), None));
}
