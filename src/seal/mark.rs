//! The mark that certificates for development and tests carry: 测试签章 无法律效力. Must not be needed by any real one.

use der::asn1::ObjectIdentifier;

use super::certificate::Certificate;

/// An extension under the number that RFC 5612 sets aside for examples, so that it can be nobody's.
pub const TEST_MARK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.38540.1");

/// What is written wherever such a certificate or its seal shows.
pub const TEST_NOTICE: &str = "测试签章 无法律效力";

/// What their holders are told where they are refused.
pub const TEST_REFUSED: &str = "这是测试证书，正式环境不予接受（测试签章 无法律效力）";

/// Whether the certificate was issued for development or tests. Its issuer has signed the mark: nobody can take it off.
#[must_use]
pub fn is_test(certificate: &Certificate) -> bool {
    certificate.extensions().get(&TEST_MARK).is_some()
}
