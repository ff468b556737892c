//! OpenSSL 3 as the other side: its certificates, lists and signatures pass here, and ours pass there.

use std::path::Path;
use std::process::Command;

use luochui::machine::Time;
use luochui::seal::certificate::Certificate;
use luochui::seal::issue;
use luochui::seal::sm2::{PublicKey, SecretKey};
use luochui::seal::trust::{CaProfile, Code, Moment, Purpose, RevocationList, TrustStore};

use super::pki::{self, COMPANY, World, key, straight};

/// Runs a script of OpenSSL commands in a folder; `$ID` names the identifier of GB/T 35276.
pub fn script(folder: &Path, text: &str) {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", text])
        .current_dir(folder)
        .env("ID", "distid:1234567812345678")
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A root, an issuing authority, a user, a revoked user and a list, all by OpenSSL.
const CHAIN: &str = r#"
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out "$1.key"; }
request() { openssl req -new -utf8 -key "$1.key" -sm3 -sigopt $ID -subj "$2" -out "$1.csr" -config ca.cnf; }
issue() { openssl x509 -req -in "$1.csr" -vfyopt $ID -sm3 -sigopt $ID -CA "$2.pem" -CAkey "$2.key" \
  -set_serial "$3" -days 300 -extfile ca.cnf -extensions "$4" -out "$1.pem"; }
cat > ca.cnf <<EOF
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[sub]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[user]
keyUsage = critical, digitalSignature, nonRepudiation
authorityKeyIdentifier = keyid
[ca]
default_ca = list
[list]
database = index.txt
crlnumber = number
default_md = sm3
default_crl_days = 7
EOF
for name in root sub user gone; do key $name; done
openssl req -x509 -new -utf8 -key root.key -sm3 -sigopt $ID -subj "/C=CN/CN=OpenSSL Root" -days 3650 \
  -config ca.cnf -extensions root -set_serial 1 -out root.pem
request sub "/C=CN/CN=OpenSSL Issuing"; issue sub root 2 sub
request user "/C=CN/O=91110000600037341L测试公司/CN=测试公司"; issue user sub 3 user
request gone "/C=CN/O=91110000600037341L测试公司/CN=测试公司"; issue gone sub 4 user
: > index.txt; echo 01 > number
openssl ca -config ca.cnf -revoke gone.pem -cert sub.pem -keyfile sub.key -sigopt $ID 2>/dev/null
openssl ca -config ca.cnf -gencrl -cert sub.pem -keyfile sub.key -sigopt $ID -out sub.crl 2>/dev/null
"#;

/// What [`CHAIN`] made.
pub struct Minted {
    pub folder: tempfile::TempDir,
    pub store: TrustStore,
    /// A moment after the list was issued.
    pub at: Time,
}

impl Minted {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        script(folder.path(), CHAIN);
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let authority = |name: &str| Certificate::from_any(&read(name)).unwrap();
        let list = RevocationList::from_any(&read("sub.crl")).unwrap();
        let at = list.this_update().plus_millis(60_000);
        let (root, sub) = (authority("root.pem"), authority("sub.pem"));
        let profile = CaProfile {
            authority: sub.sha256(),
            ..World::new().issuing.profile()
        };
        let store = TrustStore::new(vec![root, sub], vec![list], vec![profile]);
        Self { folder, store, at }
    }

    pub fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_any(&std::fs::read(self.folder.path().join(name)).unwrap()).unwrap()
    }

    pub fn key(&self, name: &str) -> SecretKey {
        SecretKey::from_pem(&std::fs::read_to_string(self.folder.path().join(name)).unwrap()).unwrap()
    }
}

#[test]
fn a_chain_and_a_list_by_openssl_are_judged_here() {
    let minted = Minted::new();
    let user = minted.certificate("user.pem");
    let subject = minted.store.verify(&user, Purpose::Login, minted.at).unwrap();
    assert_eq!((subject.code.as_str(), subject.name.as_str()), (COMPANY, "测试公司"));

    let gone = minted.certificate("gone.pem");
    let refused = minted.store.verify(&gone, Purpose::Login, minted.at).unwrap_err();
    assert_eq!(refused.code, Code::Revoked);
    let years = minted.at.plus_millis(5 * 365 * pki::DAY);
    let refused = minted.store.verify(&user, Purpose::Login, years).unwrap_err();
    assert_eq!(refused.code, Code::Expired);
    let chain = minted.store.chain(&user, Purpose::Seal, minted.at).unwrap();
    let week = Moment::present(minted.at.plus_millis(8 * pki::DAY));
    let stale = minted.store.check_revocation(&chain, Purpose::Seal, week).unwrap_err();
    assert_eq!(stale.code, Code::RevocationListExpired);
}

#[test]
fn signatures_by_openssl_verify_here_and_ours_there() {
    let minted = Minted::new();
    let user = minted.certificate("user.pem");
    let public = PublicKey::from_certificate(&user).unwrap();
    let folder = minted.folder.path();
    std::fs::write(folder.join("text"), "被签名的内容").unwrap();
    let sign = "openssl dgst -sm3 -sign user.key -sigopt $ID -out dgst.sig text
        openssl pkeyutl -sign -inkey user.key -rawin -digest sm3 -in text -pkeyopt $ID -out pkeyutl.sig
        openssl dgst -sm3 -sign user.key -out without.sig text";
    script(folder, sign);
    let signature = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let message = "被签名的内容".as_bytes();
    public.verify(message, &signature("dgst.sig")).unwrap();
    public.verify(message, &signature("pkeyutl.sig")).unwrap();
    // OpenSSL's own default is the empty identifier, which is not the standard's.
    assert!(public.verify(message, &signature("without.sig")).is_err());

    let ours = minted.key("user.key").sign(message).unwrap();
    std::fs::write(folder.join("ours.sig"), ours).unwrap();
    script(
        folder,
        "openssl x509 -in user.pem -noout -pubkey > user.pub
        openssl dgst -sm3 -verify user.pub -sigopt $ID -signature ours.sig text",
    );
}

#[test]
fn certificates_and_lists_of_ours_pass_in_openssl() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let user = world.root.company(7, COMPANY, "测试公司", &key(9), &straight);
    std::fs::write(path.join("root.pem"), world.root.certificate.to_pem()).unwrap();
    std::fs::write(path.join("user.pem"), user.to_pem()).unwrap();
    let list = world.root.list_der(pki::days(-1), &[(7, pki::days(-2))], &|_| {});
    std::fs::write(path.join("list.der"), &list).unwrap();
    std::fs::write(path.join("key.pem"), key(9).to_pem().unwrap().as_bytes()).unwrap();
    // One level only: OpenSSL 3.0 forgets the identifier above it (openssl issue 23471).
    script(
        path,
        &format!(
            "openssl verify -attime {} -vfyopt $ID -CAfile root.pem user.pem
            openssl crl -inform DER -in list.der -noout -text | grep -q 'Serial Number: 07'
            openssl pkey -in key.pem -noout
            openssl x509 -in user.pem -noout -ext keyUsage | grep -q 'Digital Signature, Non Repudiation'",
            pki::NOW.0 / 1_000
        ),
    );
    assert_eq!(issue::key_usage(issue::usage::CERTIFICATES).value, [3, 2, 2, 4]);
}
