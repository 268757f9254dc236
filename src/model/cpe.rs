//! Names of products in the Common Platform Enumeration.

use std::fmt::Write as _;

/// Converts a CPE 2.2 URI, which nmap writes, to the formatted string of CPE 2.3, which most databases use. Returns
/// `None` for a text that is no such URI.
///
/// ```
/// use scanmill::model::cpe23;
///
/// let found = cpe23("cpe:/a:openbsd:openssh:9.2p1").unwrap();
/// assert_eq!(found, "cpe:2.3:a:openbsd:openssh:9.2p1:*:*:*:*:*:*:*");
/// ```
#[must_use]
pub fn cpe23(uri: &str) -> Option<String> {
    let mut components: Vec<&str> = uri.strip_prefix("cpe:/")?.split(':').collect();
    if components.len() > URI_COMPONENTS || !matches!(components.first(), Some(&("a" | "o" | "h")))
    {
        return None;
    }
    components.resize(URI_COMPONENTS, "");
    let [part, vendor, product, version, update, edition, language] = components.try_into().ok()?;
    // An edition may hold five values: `~edition~sw_edition~target_sw~target_hw~other`.
    let mut packed = match edition.strip_prefix('~') {
        Some(values) => values.split('~').collect(),
        None => vec![edition],
    };
    if packed.len() > EDITION_VALUES {
        return None;
    }
    packed.resize(EDITION_VALUES, "");
    let (edition, others) = packed.split_first()?;
    let mut found = format!("cpe:2.3:{part}");
    for value in [vendor, product, version, update, edition, language].iter().chain(others) {
        found.push(':');
        bind(value, &mut found)?;
    }
    Some(found)
}

/// Number of components of a URI: part, vendor, product, version, update, edition and language.
const URI_COMPONENTS: usize = 7;
/// Number of values that an edition may hold.
const EDITION_VALUES: usize = 5;

/// Appends the value of a component. Everything but letters, digits, `.`, `-` and `_` is escaped; `%01` and `%02` are
/// wildcards.
fn bind(value: &str, out: &mut String) -> Option<()> {
    if matches!(value, "" | "-") {
        out.push(if value.is_empty() { '*' } else { '-' });
        return Some(());
    }
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        let c = match c {
            '%' => {
                let digits = rest.as_str().get(..2)?;
                rest = rest.as_str().get(2..)?.chars();
                match u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)? {
                    1 => {
                        out.push('?');
                        continue;
                    }
                    2 => {
                        out.push('*');
                        continue;
                    }
                    byte => char::from(byte),
                }
            }
            c => c,
        };
        let is_plain = c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let lower = c.to_ascii_lowercase();
        let _ = if is_plain { write!(out, "{lower}") } else { write!(out, "\\{lower}") };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_become_formatted_strings() {
        for (uri, expected) in [
            ("cpe:/o:linux:linux_kernel", "cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*"),
            (
                "cpe:/o:microsoft:windows_server_2008:r2:sp1",
                "cpe:2.3:o:microsoft:windows_server_2008:r2:sp1:*:*:*:*:*:*",
            ),
            ("cpe:/h:cisco:ios:12.3%284%29xe", "cpe:2.3:h:cisco:ios:12.3\\(4\\)xe:*:*:*:*:*:*:*"),
            // The examples of NISTIR 7695, section 6.1.3.
            (
                "cpe:/a:microsoft:internet_explorer:8.%02:sp%01",
                "cpe:2.3:a:microsoft:internet_explorer:8.*:sp?:*:*:*:*:*:*",
            ),
            (
                "cpe:/a:hp:insight_diagnostics:7.4.0.1570::~~online~win2003~x64~",
                "cpe:2.3:a:hp:insight_diagnostics:7.4.0.1570:*:*:*:online:win2003:x64:*",
            ),
            (
                "cpe:/a:hp:openview_network_manager:7.51:-:~~~linux~~",
                "cpe:2.3:a:hp:openview_network_manager:7.51:-:*:*:*:linux:*:*",
            ),
            (
                "cpe:/a:foo%5cbar:big%24money_2010%07:::~~special~ipod_touch~80gb~",
                "cpe:2.3:a:foo\\\\bar:big\\$money_2010\\\u{7}:*:*:*:*:special:ipod_touch:80gb:*",
            ),
            ("cpe:/a:Apache:HTTP+Server", "cpe:2.3:a:apache:http\\+server:*:*:*:*:*:*:*:*"),
        ] {
            assert_eq!(cpe23(uri).as_deref(), Some(expected));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "cpe:/", "cpe:/x:y", "cpe:2.3:a:b", "cpe:/a:b:%2", "cpe:/a:b:%zz", "cpe:/a:b:%ff"]
        {
            assert_eq!(cpe23(text), None, "{text}");
        }
        assert_eq!(cpe23("cpe:/a:1:2:3:4:5:6:7"), None);
        assert_eq!(cpe23("cpe:/a:1:2:3:4:~1~2~3~4~5~6"), None);
    }
}
