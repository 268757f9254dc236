//! One value per script of a port, for rows that show a port with its service.

use super::{certificate, structured::Structured, text::decoded};
use crate::model::{Script, Timestamp};

/// Values that scripts reported on a port.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct PortSummary {
    /// Title of the web page, from `http-title`.
    pub(crate) http_title: Option<String>,
    /// Common name of the certificate, from `ssl-cert`.
    pub(crate) tls_common_name: Option<String>,
    /// Last second at which the certificate is valid, from `ssl-cert`.
    pub(crate) tls_not_after: Option<Timestamp>,
    /// Fingerprint of the SSH key, from `ssh-hostkey`.
    pub(crate) ssh_fingerprint: Option<String>,
}

/// Returns what the scripts of a port reported. Of several results of one script, the first one with a value counts.
pub(crate) fn port_summary(scripts: &[Script<'_>]) -> PortSummary {
    let mut found = PortSummary::default();
    for script in scripts {
        match &*script.name {
            "http-title" if found.http_title.is_none() => found.http_title = title(script),
            certificate::SCRIPT
                if (&found.tls_common_name, found.tls_not_after) == (&None, None) =>
            {
                if let Some(data) = Structured::of(&script.data) {
                    (found.tls_common_name, found.tls_not_after) =
                        certificate::name_and_end(data.root());
                }
            }
            "ssh-hostkey" if found.ssh_fingerprint.is_none() => {
                found.ssh_fingerprint = fingerprint(script);
            }
            _ => {}
        }
    }
    found
}

/// Returns the title of a web page. The text of a result that has no structure may be a title or a sentence of the
/// script, and is not used.
fn title(script: &Script<'_>) -> Option<String> {
    let data = Structured::of(&script.data)?;
    data.root().get_text("title").map(|title| decoded(title).into_owned())
}

/// Types of SSH keys, the one that identifies a server best first: servers of today have an Ed25519 key, and keys of
/// the other types are sometimes generated anew with other parameters.
const KEY_TYPES: [&str; 3] = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"];

/// Returns the fingerprint of the first key of the best type.
fn fingerprint(script: &Script<'_>) -> Option<String> {
    let data = Structured::of(&script.data)?;
    let rank = |kind: Option<&str>| KEY_TYPES.iter().position(|known| kind == Some(known));
    let keys = data.root().children().filter_map(|key| {
        Some((rank(key.get_text("type")).unwrap_or(KEY_TYPES.len()), key.get_text("fingerprint")?))
    });
    keys.min_by_key(|(rank, _)| *rank).map(|(_, fingerprint)| fingerprint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ScriptValue;

    fn script(name: &'static str, data: &'static str) -> Script<'static> {
        Script { name: name.into(), data: ScriptValue::Json(data.into()), ..Script::default() }
    }

    #[test]
    fn a_port_has_one_value_per_script() {
        let found = port_summary(&[
            script("http-title", r#"{"redirect_url":"https://a.example/"}"#),
            script("http-title", r#"{"title":" Caf\\xC3\\xA9 "}"#),
            script(
                "ssl-cert",
                r#"{"subject":{"commonName":"a.example"},"validity":{"notAfter":"2029-02-25T06:25:02"}}"#,
            ),
            script(
                "ssh-hostkey",
                r#"[{"type":"ssh-rsa","fingerprint":"1a"},{"type":"ssh-ed25519","fingerprint":"2b"}]"#,
            ),
        ]);
        assert_eq!(found.http_title.as_deref(), Some("Café"));
        assert_eq!(found.tls_common_name.as_deref(), Some("a.example"));
        assert_eq!(found.tls_not_after.unwrap().to_string(), "2029-02-25T06:25:02Z");
        assert_eq!(found.ssh_fingerprint.as_deref(), Some("2b"));
    }

    #[test]
    fn keys_of_unknown_types_come_last_and_tables_without_fingerprint_are_no_keys() {
        let of = |data| port_summary(&[script("ssh-hostkey", data)]).ssh_fingerprint;
        let known =
            r#"{"Key comparison with known_hosts file":{},"_":[{"type":"x","fingerprint":"1"}]}"#;
        assert_eq!(of(known), None);
        assert_eq!(
            of(r#"[{"type":"ssh-dss","fingerprint":"1"},{"bits":"2"}]"#).as_deref(),
            Some("1")
        );
        assert_eq!(
            of(r#"[{"type":"ssh-dss","fingerprint":"1"},{"type":"ssh-rsa","fingerprint":"2"}]"#)
                .as_deref(),
            Some("2")
        );
    }
}
