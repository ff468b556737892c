//! A test authority with two organisations and their seals, small PDFs, and the three steps of sealing.

use std::sync::LazyLock;

use luochui::machine::Time;
use luochui::seal::authority::{Authority, Holder, Party, Period, SealOrder, Use};
use luochui::seal::pdf::{self, Edges, Place, Prepared, Sealing};
use luochui::seal::ses::{Seal, ToSign, assemble_signature};
use luochui::seal::sm3;
use luochui::seal::trust::{Entry, Kind, TrustStore};

/// 2026-07-01T00:00:00Z, the day of the tests.
pub const NOW: Time = Time(1_782_864_000_000);
pub const DAY: i64 = 86_400_000;

pub fn days(count: i64) -> Time {
    NOW.plus_millis(count * DAY)
}

/// Reproducible bytes that no two draws share.
pub fn random() -> impl FnMut(&mut [u8; 32]) {
    let mut count = 0_u32;
    move |bytes| {
        count += 1;
        *bytes = sm3(&count.to_be_bytes());
    }
}

/// An organisation with its seal.
pub struct Organisation {
    pub party: Party,
    pub seal: Seal,
}

pub struct World {
    pub authority: Authority,
    pub first: Organisation,
    pub second: Organisation,
}

/// Keys are made once: each costs some milliseconds.
pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut random = random();
    let authority = Authority::new("试验", days(-30), &mut random).unwrap();
    let mut organisation = |code: &str, name: &str, colour: u8| {
        let holder = Holder {
            kind: Kind::Organisation,
            code: code.into(),
            name: name.into(),
        };
        let period = Period::days(days(-20), 90);
        let party = authority.issue(&holder, Use::Signing, period, &mut random).unwrap();
        let picture = picture(colour);
        Organisation {
            seal: seal(&authority, &party, name, period, picture),
            party,
        }
    };
    World {
        first: organisation("91110000600037341L", "某某公共资源交易中心", 0),
        second: organisation("91430100MA4L16JQ9B", "某某贸易有限公司", 90),
        authority,
    }
});

pub fn seal(authority: &Authority, party: &Party, name: &str, period: Period, picture: Vec<u8>) -> Seal {
    let der = authority.seal(&SealOrder {
        id: "TEST-1",
        name,
        holders: vec![party.certificate.clone()],
        period,
        picture,
        width_mm: 40,
        height_mm: 40,
    });
    Seal::parse(&der.unwrap()).unwrap()
}

/// A small picture with a transparent middle.
pub fn picture(colour: u8) -> Vec<u8> {
    let mut written = Vec::new();
    let mut encoder = png::Encoder::new(&mut written, 24, 24);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    let pixel = |at: usize| {
        let inside = (4..20).contains(&(at / 24)) && (4..20).contains(&(at % 24));
        [220, colour, 30, if inside { 40 } else { 255 }]
    };
    writer
        .write_image_data(&(0..24 * 24).flat_map(pixel).collect::<Vec<_>>())
        .unwrap();
    writer.finish().unwrap();
    written
}

impl World {
    /// This authority, with a list from yesterday.
    pub fn trust(&self) -> TrustStore {
        self.trust_with(&[])
    }

    pub fn trust_with(&self, revoked: &[(&Party, Time)]) -> TrustStore {
        let entry = |(party, from): &(&Party, Time)| {
            let entry = Entry { from: *from, reason: 1 };
            (party.certificate.serial().to_vec(), entry)
        };
        let revoked: Vec<_> = revoked.iter().map(entry).collect();
        let list = self
            .authority
            .revocations(&revoked, 1, Period::days(days(-1), 300))
            .unwrap();
        self.authority.trust(vec![list])
    }
}

pub const PLACE: Place = Place {
    page: 1,
    x_mm: 120.0,
    y_mm: 200.0,
    width_mm: 40.0,
    height_mm: 40.0,
};

pub fn sealing<'a>(base: &'a [u8], organisation: &'a Organisation) -> Sealing<'a> {
    Sealing {
        base,
        place: PLACE,
        picture: &organisation.seal.raw_picture().data,
        edges: Edges::Plain,
        signer: "某某单位",
        reason: "确认",
        location: "",
        at: NOW.0,
    }
}

/// What the holder's key makes of a prepared file.
pub fn sign(prepared: &Prepared, organisation: &Organisation) -> Vec<u8> {
    let to_sign = ToSign {
        seal: &organisation.seal,
        time: NOW,
        data_hash: prepared.digest,
        property: &prepared.property(),
    };
    let to_sign = to_sign.to_der();
    let value = organisation.party.key.sign(&to_sign).unwrap();
    assemble_signature(&to_sign, &organisation.party.certificate, &value, None)
}

/// All three steps.
pub fn sealed(sealing: &Sealing, organisation: &Organisation) -> Vec<u8> {
    let prepared = pdf::prepare(sealing).unwrap();
    pdf::assemble(&prepared, &sign(&prepared, organisation)).unwrap()
}

pub fn sealed_by(base: &[u8], organisation: &Organisation) -> Vec<u8> {
    sealed(&sealing(base, organisation), organisation)
}

/// A PDF of some A4 pages with a line of text each.
pub fn pages(count: usize) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut offsets = Vec::new();
    let kids: String = (0..count).map(|page| format!("{} 0 R ", 4 + 2 * page)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Count {count}/Kids[{kids}]/MediaBox[0 0 595.2756 841.8898]>>"),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    for page in 0..count {
        let text = format!(
            "BT /F 24 Tf 72 700 Td (Page {} of the contract: 1000 yuan) Tj ET",
            page + 1
        );
        let resources = "/Resources<</Font<</F 3 0 R>>>>";
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R{resources}/Contents {} 0 R>>",
            5 + 2 * page
        ));
        objects.push(format!("<</Length {}>>\nstream\n{text}\nendstream", text.len()));
    }
    for (object, number) in objects.iter().zip(1..) {
        offsets.push(file.len());
        file.extend(format!("{number} 0 obj\n{object}\nendobj\n").into_bytes());
    }
    let start = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    for offset in offsets {
        file.extend(format!("{offset:010} 00000 n \n").into_bytes());
    }
    let size = objects.len() + 1;
    let identity = "/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]";
    file.extend(format!("trailer\n<</Size {size}/Root 1 0 R{identity}>>\nstartxref\n{start}\n%%EOF\n").into_bytes());
    file
}
