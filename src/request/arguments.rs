//! nmap arguments that a scan may have: split like a shell does, and checked against nmap's own options.
//!
//! Arguments are checked the way nmap parses them, with `getopt_long_only`: long options may be abbreviated and may
//! begin with one dash, and short options may be clustered.

use super::{PortSet, Targets};
use crate::{
    error::{Error, ErrorKind, Result},
    getopt::{OPTIONAL, PLAIN, SHORT, VALUED},
};

/// Short options that a scan may not have.
const NOT_SHORT: &str = "pvdhVoim";

/// Long options that a scan may not have, with the reason.
const REFUSED: &[(&str, Why)] = &[
    ("append-output", Why::Output),
    ("debug", Why::Talk),
    ("help", Why::NoScan),
    ("iL", Why::Targets),
    ("iR", Why::Targets),
    ("iflist", Why::NoScan),
    ("no-stylesheet", Why::Output),
    ("oA", Why::Output),
    ("oG", Why::Output),
    ("oH", Why::Output),
    ("oM", Why::Output),
    ("oN", Why::Output),
    ("oS", Why::Output),
    ("oX", Why::Output),
    ("resume", Why::Output),
    ("script-help", Why::NoScan),
    ("script-updatedb", Why::NoScan),
    ("stylesheet", Why::Output),
    ("verbose", Why::Talk),
    ("version", Why::NoScan),
    ("vv", Why::Talk),
    ("webxml", Why::Output),
];

/// Long options that choose ports.
const CHOOSE_PORTS: [&str; 3] = ["exclude-ports", "port-ratio", "top-ports"];

/// Reason for which an option is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Output,
    Talk,
    Targets,
    Ports,
    NoScan,
}

impl Why {
    const fn text(self) -> &'static str {
        match self {
            Self::Output => "scanmill controls the output",
            Self::Talk => "scanmill controls the verbosity",
            Self::Targets => "targets are given separately",
            Self::Ports => "ports are given separately",
            Self::NoScan => "it scans nothing",
        }
    }
}

/// Checked arguments.
///
/// ```
/// use scanmill::request::Arguments;
///
/// let arguments = Arguments::parse("-sV --script 'banner,http-title' -T4")?;
/// assert_eq!(arguments.words().len(), 4);
/// assert!(Arguments::parse("-nv").is_err());
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arguments {
    words: Vec<String>,
    /// Option that chooses ports, if there is one.
    pub(crate) ports: Option<String>,
    /// `4` or `6` if `-4` or `-6` is given.
    pub(crate) family: Option<char>,
    /// True if `--stats-every` is given.
    pub(crate) stats: bool,
}

impl Arguments {
    /// Splits a text like a shell does, and checks the words.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if a quote is not closed or a comment begins, and the errors of
    /// [`Self::new`].
    pub fn parse(text: &str) -> Result<Self> {
        let open = || invalid(format!("{text:?} has a quote that is not closed"));
        let words = shlex::split(text).ok_or_else(open)?;
        let ends = text.match_indices('\n').map(|(at, _)| at).chain([text.len()]);
        if ends.filter_map(|end| text.get(..end)).any(ends_in_comment) {
            return Err(invalid(format!("{text:?} has a # that begins a comment: quote it")));
        }
        Self::new(words)
    }

    /// Checks that targets and ports do not contradict the arguments.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if both choose ports, or if the targets are of another address family.
    pub(crate) fn check_against(&self, targets: &Targets, ports: Option<&PortSet>) -> Result<()> {
        let exclude = |one: &str, other: &str| {
            Err(invalid(format!("arguments: {one} and {other} exclude each other")))
        };
        if let (Some(option), Some(ports)) = (&self.ports, ports) {
            return exclude(option, &format!("-p{ports}"));
        }
        match self.family {
            Some('6') if targets.is_v4() => exclude("-6", "IPv4 targets"),
            Some('4') if targets.is_v6() => exclude("-4", "IPv6 targets"),
            _ => Ok(()),
        }
    }

    /// Checks words.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] for options that choose ports, output, targets or verbosity, for
    /// options that scan nothing, and for words that are not the value of an option (DATA_MODEL section 6).
    pub fn new(words: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let mut found = Self::default();
        let mut words = words.into_iter().map(Into::into);
        while let Some(word) = words.next() {
            if word.contains('\0') {
                return Err(invalid(format!("{word:?} has a NUL character")));
            }
            let needs_value = found.check(&word)?;
            let shown = word.clone();
            found.words.push(word);
            if needs_value {
                let value =
                    words.next().ok_or_else(|| invalid(format!("{shown} needs a value")))?;
                if value.contains('\0') {
                    return Err(invalid(format!("{value:?} has a NUL character")));
                }
                found.words.push(value);
            }
        }
        Ok(found)
    }

    /// Returns the words, in order.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Checks a word. Returns true if the next word is its value.
    fn check(&mut self, word: &str) -> Result<bool> {
        if let Some(long) = word.strip_prefix("--") {
            if long.is_empty() {
                return Err(invalid(
                    "-- ends the options: targets are given separately".to_owned(),
                ));
            }
            return self.long(word, long);
        }
        match word.strip_prefix('-') {
            None | Some("") => Err(invalid(format!(
                "{word:?} is neither an option nor the value of one: targets are given separately"
            ))),
            Some(rest) if rest.chars().count() > 1 && matches_long(name(rest)) => {
                self.long(word, rest)
            }
            Some(rest) => self.cluster(word, rest),
        }
    }

    /// Checks a long option, without its dashes.
    fn long(&mut self, word: &str, long: &str) -> Result<bool> {
        let given = name(long);
        // nmap accepts both spellings.
        let asked = given.replace('_', "-");
        let exact = || PLAIN.iter().chain(OPTIONAL).chain(VALUED).find(|known| **known == asked);
        let full = match exact() {
            Some(known) => *known,
            None => match resolved(&asked) {
                Resolved::One(known) => known,
                Resolved::Refused(known, why) => return Err(refused(word, known, why)),
                Resolved::Many => {
                    return Err(invalid(format!("{word} is ambiguous: write the option in full")));
                }
                // An option of a newer nmap, which decides about it itself.
                Resolved::None => return Ok(false),
            },
        };
        if let Some((known, why)) = REFUSED.iter().find(|(known, _)| *known == full) {
            return Err(refused(word, known, *why));
        }
        if CHOOSE_PORTS.contains(&full) {
            self.ports.get_or_insert_with(|| format!("--{full}"));
        }
        self.stats |= full == "stats-every";
        Ok(VALUED.contains(&full) && !long.contains('='))
    }

    /// Checks a cluster of short options, without its dash.
    fn cluster(&mut self, word: &str, rest: &str) -> Result<bool> {
        for (at, option) in rest.char_indices() {
            let known = SHORT.find(option).filter(|_| option != ':');
            let Some(place) = known else {
                return Err(invalid(format!("{word}: nmap has no option -{option}")));
            };
            if NOT_SHORT.contains(option) {
                let why = match option {
                    'p' => Why::Ports,
                    'v' | 'd' => Why::Talk,
                    'h' | 'V' => Why::NoScan,
                    'i' => Why::Targets,
                    _ => Why::Output,
                };
                return Err(refused(word, &option.to_string(), why));
            }
            match option {
                '4' | '6' if self.family.is_some_and(|family| family != option) => {
                    return Err(invalid(format!("{word}: -4 and -6 exclude each other")));
                }
                '4' | '6' => self.family = Some(option),
                'F' => self.ports = self.ports.take().or_else(|| Some("-F".to_owned())),
                _ => {}
            }
            let value = rest.get(at.saturating_add(option.len_utf8())..).unwrap_or_default();
            let rule = SHORT.get(place.saturating_add(1)..).unwrap_or_default();
            if rule.starts_with("::") {
                return Ok(false);
            }
            if rule.starts_with(':') {
                return Ok(value.is_empty());
            }
        }
        Ok(false)
    }
}

/// Returns the name of a long option.
fn name(long: &str) -> &str {
    long.split_once('=').map_or(long, |(name, _)| name)
}

fn all() -> impl Iterator<Item = &'static str> {
    PLAIN.iter().chain(OPTIONAL).chain(VALUED).copied()
}

/// Returns true if nmap accepts this as a long option, in full or abbreviated.
fn matches_long(given: &str) -> bool {
    let asked = given.replace('_', "-");
    !asked.is_empty() && all().any(|known| known.starts_with(&asked))
}

/// Result of resolving an abbreviation.
enum Resolved {
    One(&'static str),
    Refused(&'static str, Why),
    Many,
    None,
}

fn resolved(given: &str) -> Resolved {
    // An abbreviation that may stand for a refused option is refused.
    if let Some((known, why)) = REFUSED.iter().find(|(known, _)| known.starts_with(given)) {
        return Resolved::Refused(known, *why);
    }
    let mut found = all().filter(|known| known.starts_with(given));
    match (found.next(), found.next()) {
        (Some(only), None) => Resolved::One(only),
        (Some(_), Some(_)) => Resolved::Many,
        (None, _) => Resolved::None,
    }
}

fn refused(word: &str, known: &str, why: Why) -> Error {
    let dashes = if known.len() == 1 || known == "vv" { "-" } else { "--" };
    let meant = format!("{dashes}{known}");
    let shown = if word == meant { meant } else { format!("{word} ({meant})") };
    invalid(format!("{shown} is refused: {}", why.text()))
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidArgument(format!("arguments: {what}")))
}

/// Returns true if a text ends in a comment: a word appended to it would be lost.
fn ends_in_comment(text: &str) -> bool {
    let words = |text: &str| shlex::split(text).map(|words| words.len());
    words(text).is_some_and(|count| words(&format!("{text} x")) == Some(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_refused_and_not_skipped() {
        for text in ["-sV # -T4", "# -sV", "-sV\n#\n-T4", "-sV #x\n-T4"] {
            let error = Arguments::parse(text).unwrap_err().to_string();
            assert!(error.contains("begins a comment"), "{text:?}: {error}");
        }
        for text in ["-sV --script '#a'", "--script a#b", "--script \\#a", "-sV \n -T4"] {
            assert!(Arguments::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn allowed_arguments_are_kept_unchanged() {
        for good in [
            "",
            "-sS",
            "-sV -T4",
            "-A",
            "-sC -O --osscan-guess",
            "-Pn -n",
            "-PS22,80 -PE",
            "-n -sU --top-ports 10",
            "-F",
            "-nF",
            "-S 192.0.2.1 -e eth0",
            "-D 192.0.2.1,ME",
            "-g53",
            "-g 53",
            "--source-port 53",
            "--source_port=53",
            "--exclude 192.0.2.7",
            "--exclude=192.0.2.7",
            "--script banner,http-title",
            "-script banner",
            "--script \"not intrusive\"",
            "--script-args 'a=1,b={c=2}'",
            "--script-args -v",
            "--host-timeout 30s",
            "--stats-every 1s",
            "--open",
            "-open",
            "--max-rate 10 --min-rate=5",
            "--version-all",
            "--version-i 5",
            "--datad /x",
            "-sI zombie",
            "-b ftp.example",
            "-6",
            "-4",
            "-T aggressive",
            "-sn",
            "-ff",
            "-f -f",
            "-rn",
            "--some-option-of-2030",
            "-M 5",
        ] {
            let found = Arguments::parse(good);
            assert!(found.is_ok(), "{good}: {}", found.unwrap_err());
        }
        let words = Arguments::parse("--script 'a b' -T4").unwrap();
        assert_eq!(words.words(), ["--script", "a b", "-T4"]);
        assert_eq!(Arguments::parse("-nF").unwrap().ports.as_deref(), Some("-F"));
        assert_eq!(Arguments::parse("--top-p 5").unwrap().ports.as_deref(), Some("--top-ports"));
        assert!(Arguments::parse("--stats-every=2s").unwrap().stats);
    }

    /// Separated by bars, which none of them contains.
    const REFUSED_WORDS: &str = r#"-p22|-p 22|-np22|-v|-vv|-nv|-v9|-sS -v|-d|-d2|-nd|-dd|--verbose|--verb|-verb|-verbose|
--debug|--deb|-debug|--debug=3|-oX -|-oX x.xml|-oX=x|-oN x|-oG x|-oM x|-oS x|-oA x|-oH x|
-o x|-nox|--oX x|--oN=x|-m x|-mx|-i x|--append-output|--append_output|-append-outp|--app|
--resume x|-resume x|--res|--stylesheet x|--styl=x|--webxml|--no-stylesheet|--no-s|-iL x|
-iR 5|--iL x|--iL=x|-i|-h|-nh|--help|--hel|-V|--version|--vers|-version|--iflist|--ifl|
-iflist|--script-help x|--script-h=x|--script-updatedb|--script-u|192.0.2.1|-sS 192.0.2.1|
example.com|--open 192.0.2.1|-sV5 x|-|--|-- 192.0.2.1|-4 -6|-46|-z|-nz|-Y|--script|-g|-e|
-D|--o|--v|-ve|'open quote|-n: x|""|--data-length=5 7|-ü|--no-stylesheet=x"#;

    #[test]
    fn refused_arguments_are_refused_in_any_form() {
        for bad in REFUSED_WORDS.split('|').map(str::trim_start) {
            let error = Arguments::parse(bad).expect_err(bad);
            assert!(matches!(error.kind(), ErrorKind::InvalidArgument(_)), "{bad}: {error}");
        }
        assert!(Arguments::new(["--script", "a\0b"]).is_err());
        let error = Arguments::parse("-append-outp").unwrap_err().to_string();
        assert!(error.contains("--append-output") && error.contains("output"), "{error}");
    }

    #[test]
    fn every_refused_option_is_known_and_so_is_every_abbreviation_of_it() {
        for (name, _) in REFUSED {
            assert!(all().any(|known| known == *name), "{name}");
            for len in 2..=name.len() {
                let Some(part) = name.get(..len) else { continue };
                if all().any(|known| known == part) && part != *name {
                    continue;
                }
                for dashes in ["-", "--"] {
                    let word = format!("{dashes}{part}");
                    assert!(Arguments::new([word.clone(), "x".to_owned()]).is_err(), "{word}");
                }
            }
        }
        let mut sorted: Vec<_> = all().collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), all().count());
    }
}
