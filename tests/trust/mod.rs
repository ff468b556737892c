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
