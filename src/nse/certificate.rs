//! Certificates of TLS servers, from the script `ssl-cert`.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{
    structured::{Node, Structured},
    text::decoded,
};
use crate::{
    model::{Script, Timestamp},
    text::hex,
};

/// Script that reports certificates.
pub(super) const SCRIPT: &str = "ssl-cert";

/// Certificate of a TLS server. Bytes that nmap wrote as `\xNN` are decoded; a value that the script does not report is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Certificate {
    /// Owner of the certificate.
    pub subject: DistinguishedName,
    /// Authority that signed the certificate.
    pub issuer: DistinguishedName,
    /// Subject alternative names, in order: DNS names and IP addresses as they are, others with their type, such as
    /// `URI:` or `email:`.
    pub names: Vec<String>,
    /// First second at which the certificate is valid, in UTC.
    pub not_before: Option<Timestamp>,
    /// Last second at which the certificate is valid, in UTC.
    pub not_after: Option<Timestamp>,
    /// Type of the public key, such as `rsa` or `ec`.
    pub key_type: Option<String>,
    /// Size of the public key, in bits.
    pub key_bits: Option<i32>,
    /// Named curve of an elliptic key, such as `prime256v1`.
    pub key_curve: Option<String>,
    /// Signature algorithm, such as `sha256WithRSAEncryption`.
    pub signature_algorithm: Option<String>,
    /// MD5 fingerprint, in lower-case hexadecimal.
    pub md5: Option<String>,
    /// SHA-1 fingerprint, in lower-case hexadecimal.
    pub sha1: Option<String>,
    /// SHA-256 fingerprint, in lower-case hexadecimal: reported by the script, or computed from its PEM text.
    pub sha256: Option<String>,
}

/// Name of an owner or issuer of certificates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DistinguishedName {
    /// Common name.
    pub common_name: Option<String>,
    /// Name of the organization.
    pub organization: Option<String>,
    /// All attributes as `name=value`, separated by `, `, in the order of their names.
    pub text: Option<String>,
}

impl Certificate {
    /// Reads the certificate that a script reports. Returns `None` for other scripts than `ssl-cert`, and for results
    /// without structure, which nmap wrote before version 6.25.
    ///
    /// ```
    /// use scanmill::{nse::Certificate, xml::{Options, Reader}};
    ///
    /// let file = std::fs::File::open("fixtures/19-tls-ssh-algorithms.xml")?;
    /// let hosts: Vec<_> = Reader::new(file, Options::default()).hosts().collect::<Result<_, _>>()?;
    /// let mut scripts = hosts.iter().flat_map(|host| &host.ports).flat_map(|port| &port.scripts);
    /// let certificate = scripts.find_map(Certificate::of).unwrap();
    /// assert_eq!(certificate.subject.organization.as_deref(), Some("Lab & Söhne <Test> \"Q\""));
    /// assert_eq!(certificate.names, ["web.lab.example", "*.lab.example", "192.0.2.20"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(script: &Script<'_>) -> Option<Self> {
        if script.name != SCRIPT {
            return None;
        }
        let data = Structured::of(&script.data)?;
        let root = data.root();
        let (subject, issuer) = (root.get("subject")?, root.get("issuer"));
        let validity = |key| root.get("validity")?.get_text(key).and_then(time);
        let pubkey = |key| root.get("pubkey")?.get_text(key).map(str::to_owned);
        let digest = |key| root.get_text(key).map(str::to_ascii_lowercase);
        Some(Self {
            subject: DistinguishedName::of(subject),
            issuer: issuer.map(DistinguishedName::of).unwrap_or_default(),
            names: alternative_names(root),
            not_before: validity("notBefore"),
            not_after: validity("notAfter"),
            key_type: pubkey("type"),
            key_bits: pubkey("bits").and_then(|bits| bits.parse().ok()),
            key_curve: curve(root).map(str::to_owned),
            signature_algorithm: root.get_text("sig_algo").map(str::to_owned),
            md5: digest("md5"),
            sha1: digest("sha1"),
            sha256: digest("sha256").or_else(|| root.get_text("pem").and_then(sha256_of_pem)),
        })
    }

    /// Returns true if the certificate names its owner as its issuer, as certificates do that no authority signed.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject.text.is_some() && self.subject == self.issuer
    }
}

impl DistinguishedName {
    fn of(name: Node<'_>) -> Self {
        let value = |key| name.get_text(key).map(|text| decoded(text).into_owned());
        let mut attributes: Vec<_> = name
            .children()
            .filter_map(|attribute| Some((attribute.key()?, attribute.text()?)))
            .collect();
        attributes.sort_unstable();
        let attributes: Vec<_> =
            attributes.iter().map(|(key, text)| format!("{key}={}", decoded(text))).collect();
        Self {
            common_name: value("commonName"),
            organization: value("organizationName"),
            text: (!attributes.is_empty()).then(|| attributes.join(", ")),
        }
    }
}

/// Returns the common name of the subject, and the end of the validity.
pub(super) fn name_and_end(root: Node<'_>) -> (Option<String>, Option<Timestamp>) {
    let name = root.get("subject").and_then(|subject| subject.get_text("commonName"));
    let end = root.get("validity").and_then(|validity| validity.get_text("notAfter"));
    (name.map(|name| decoded(name).into_owned()), end.and_then(time))
}

/// Parses a time. Scripts write `2029-02-25T06:25:02`, some versions with `+00:00`.
fn time(text: &str) -> Option<Timestamp> {
    Timestamp::from_rfc3339(text)
}

/// Returns the named curve of an elliptic key.
fn curve(root: Node<'_>) -> Option<&str> {
    root.get("pubkey")?.get("ecdhparams")?.get("curve_params")?.get_text("curve")
}

/// Returns the subject alternative names. OpenSSL writes them as one text: `DNS:a.example, IP Address:192.0.2.1`.
fn alternative_names(root: Node<'_>) -> Vec<String> {
    let extensions = root.get("extensions").into_iter().flat_map(Node::children);
    let mut names = extensions
        .filter(|extension| extension.get_text("name") == Some("X509v3 Subject Alternative Name"));
    let Some(text) = names.next().and_then(|extension| extension.get_text("value")) else {
        return Vec::new();
    };
    let name = |name: &str| {
        let name = name.trim();
        // OpenSSL writes IPv6 addresses in capitals and with all their zeros.
        let ip = name.strip_prefix("IP Address:").and_then(|ip| ip.parse::<IpAddr>().ok());
        match ip {
            Some(ip) => ip.to_string(),
            None => decoded(name.strip_prefix("DNS:").unwrap_or(name)).into_owned(),
        }
    };
    text.split(", ").map(name).filter(|name| !name.is_empty()).collect()
}

/// Returns the SHA-256 fingerprint of a certificate in PEM.
fn sha256_of_pem(pem: &str) -> Option<String> {
    let (_, body) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = body.split_once("-----END CERTIFICATE-----")?;
    let digits: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(digits).ok()?;
    Some(hex(&Sha256::digest(der)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ScriptValue;

    fn certificate(data: &'static str) -> Option<Certificate> {
        Certificate::of(&Script {
            name: SCRIPT.into(),
            data: ScriptValue::Json(data.into()),
            ..Script::default()
        })
    }

    #[test]
    fn all_values_of_a_certificate_are_read() {
        let found = certificate(
            r#"{"subject":{"organizationName":"Lab S\\xC3\\xB6hne","commonName":"a.example"},
            "issuer":{"commonName":"Root","2.5.4.97":"x"},
            "pubkey":{"type":"ec","bits":"256","ecdhparams":{"curve_params":{"curve":"prime256v1"}}},
            "extensions":[{"name":"X509v3 Basic Constraints","value":"CA:TRUE"},
                {"name":"X509v3 Subject Alternative Name",
                 "value":"DNS:a.example, DNS:*.a.example, IP Address:2001:DB8:0:0:0:0:0:1, URI:spiffe://a/b"}],
            "sig_algo":"ecdsa-with-SHA256",
            "validity":{"notBefore":"2026-11-23T06:25:02","notAfter":"2029-02-25T06:25:02+00:00"},
            "md5":"21B3","sha1":"944d",
            "pem":"-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"}"#,
        )
        .unwrap();
        assert_eq!(found.subject.common_name.as_deref(), Some("a.example"));
        assert_eq!(
            found.subject.text.as_deref(),
            Some("commonName=a.example, organizationName=Lab Söhne")
        );
        assert_eq!(found.issuer.text.as_deref(), Some("2.5.4.97=x, commonName=Root"));
        assert!(!found.is_self_issued());
        let names = ["a.example", "*.a.example", "2001:db8::1", "URI:spiffe://a/b"];
        assert_eq!(found.names, names);
        assert_eq!(found.not_before.unwrap().to_string(), "2026-11-23T06:25:02Z");
        assert_eq!(found.not_after.unwrap().to_string(), "2029-02-25T06:25:02Z");
        assert_eq!((found.key_type.as_deref(), found.key_bits), (Some("ec"), Some(256)));
        assert_eq!(found.key_curve.as_deref(), Some("prime256v1"));
        assert_eq!(found.signature_algorithm.as_deref(), Some("ecdsa-with-SHA256"));
        assert_eq!((found.md5.as_deref(), found.sha1.as_deref()), (Some("21b3"), Some("944d")));
        // The digest of `abc`, from FIPS 180-2.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(found.sha256.as_deref(), Some(expected));
    }

    #[test]
    fn a_result_of_another_form_gives_fewer_values() {
        assert_eq!(certificate(r#"["a"]"#), None);
        assert_eq!(certificate(r#"{"pem":"x"}"#), None);
        let poor = certificate(
            r#"{"subject":{},"validity":{"notAfter":"99991231235959Z"},"pubkey":"rsa","pem":"-----"}"#,
        );
        assert_eq!(poor, Some(Certificate::default()));
        assert!(!Certificate::default().is_self_issued());
    }
}
