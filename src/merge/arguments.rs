//! Reads from nmap's arguments, as its XML records them, which information a scan asked for.
//!
//! The text follows nmap's own quoting: since 5.50, words that contain a blank are in double quotes, and a backslash
//! escapes the character after it. Options are parsed like `getopt_long_only` does, as far as the options that matter
//! here need it: short options may be clustered (`-nA`, `-sSVC`), and long options may begin with one dash and use
//! `_` for `-`. The word after an option that takes a value is that value, even if it begins with a dash (`-oX -`,
//! `-p -1000`, `--exclude -A.example`).

use std::{iter::Peekable, str::Chars};

use crate::getopt::{VALUED, takes_next_word};

/// Information that the arguments of a scan ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
pub(crate) struct RequestedInfo {
    /// True if the scan has arguments at all.
    pub(crate) is_known: bool,
    /// Service versions: `-sV`, `-A`, `--version-…`.
    pub(crate) versions: bool,
    /// Scripts: `-sC`, `-A`, `--script`.
    pub(crate) scripts: bool,
    /// Operating system: `-O`, `-A`.
    pub(crate) os: bool,
    /// Route: `--traceroute`, `-A`.
    pub(crate) route: bool,
    /// No reverse DNS: `-n`.
    pub(crate) no_names: bool,
}

impl RequestedInfo {
    /// Returns a value that asks for nothing.
    pub(crate) const fn nothing() -> Self {
        Self {
            is_known: false,
            versions: false,
            scripts: false,
            os: false,
            route: false,
            no_names: false,
        }
    }

    /// Reads the arguments of a scan; without arguments, nothing is asked for.
    pub(crate) fn from_args(args: Option<&str>) -> Self {
        let mut requested = Self { is_known: args.is_some(), ..Self::default() };
        // The first word is the program.
        let mut words = words(args.unwrap_or_default()).skip(1);
        while let Some(word) = words.next() {
            if word == "--" {
                break;
            }
            let takes_next = if let Some(option) = word.strip_prefix("--") {
                requested.long(option);
                is_long_without_value(option)
            } else if let Some(option) = word.strip_prefix('-') {
                let is_long = requested.long(option) || is_long_without_value(option);
                if is_long { is_long_without_value(option) } else { requested.cluster(option) }
            } else {
                false
            };
            if takes_next {
                words.next();
            }
        }
        requested
    }

    /// Reads a long option. Returns true if it is one that matters here.
    fn long(&mut self, option: &str) -> bool {
        let name = option.split('=').next().unwrap_or_default().replace('_', "-");
        if name == "script" {
            self.scripts = true;
        } else if name.starts_with("version-") {
            self.versions = true;
        } else if name.len() > 1 && "traceroute".starts_with(&name) {
            self.route = true;
        } else {
            return false;
        }
        true
    }

    /// Reads a cluster of short options. Returns true if the last of them takes the next word as its value.
    fn cluster(&mut self, options: &str) -> bool {
        let mut rest = options.chars();
        while let Some(option) = rest.next() {
            match option {
                'A' => {
                    (self.versions, self.scripts, self.os, self.route) = (true, true, true, true);
                }
                'n' => self.no_names = true,
                // The last of -n and -R counts.
                'R' => self.no_names = false,
                's' => {
                    let types = rest.as_str();
                    self.versions |= types.contains('V');
                    self.scripts |= types.contains('C');
                    return false;
                }
                'O' => {
                    self.os = true;
                    return false;
                }
                '4' | '6' | 'F' | 'f' | 'h' | 'I' | 'q' | 'r' | 'V' => {}
                // The rest of the word is the value of this option, if it takes one.
                option => return takes_next_word(option) && rest.as_str().is_empty(),
            }
        }
        false
    }
}

/// Returns true if this is a long option whose value is the next word.
fn is_long_without_value(option: &str) -> bool {
    VALUED.contains(&&*option.replace('_', "-"))
}

/// Splits a command line, quoted as nmap writes it, into words.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || word(&mut rest))
}

fn word(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
    rest.peek()?;
    let mut word = String::new();
    let mut quoted = false;
    while let Some(c) = rest.next_if(|c| quoted || !c.is_whitespace()) {
        match c {
            '"' => quoted = !quoted,
            '\\' => word.extend(rest.next()),
            c => word.push(c),
        }
    }
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns one letter per kind of information asked for: versions, scripts, OS, route, no names.
    fn letters(args: &str) -> String {
        let found = RequestedInfo::from_args(Some(args));
        let all = [
            (found.versions, 'v'),
            (found.scripts, 's'),
            (found.os, 'o'),
            (found.route, 'r'),
            (found.no_names, 'n'),
        ];
        all.into_iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect()
    }

    #[test]
    fn arguments_give_the_requests_of_a_scan() {
        for (args, expected) in [
            ("", ""),
            ("nmap", ""),
            ("nmap -sS -p 1-1000 192.0.2.1", ""),
            ("nmap -sV 192.0.2.1", "v"),
            ("nmap -sSV 192.0.2.1", "v"),
            ("nmap -sVC 192.0.2.1", "vs"),
            ("nmap -sTUC 192.0.2.1", "s"),
            ("nmap -sC 192.0.2.1", "s"),
            ("nmap -A 192.0.2.1", "vsor"),
            ("nmap -T4 -A -v 192.0.2.1", "vsor"),
            ("nmap -nA 192.0.2.1", "vsorn"),
            ("nmap -Fn 192.0.2.1", "n"),
            ("nmap -n -R 192.0.2.1", ""),
            ("nmap -O 192.0.2.1", "o"),
            ("nmap -O2 192.0.2.1", "o"),
            ("nmap -6nO 192.0.2.1", "on"),
            ("nmap --version-all 192.0.2.1", "v"),
            ("nmap --version-light 192.0.2.1", "v"),
            ("nmap --version-intensity 5 192.0.2.1", "v"),
            ("nmap --version_intensity=5 192.0.2.1", "v"),
            ("nmap --version-trace 192.0.2.1", "v"),
            ("nmap -version-light 192.0.2.1", "v"),
            ("nmap --script default 192.0.2.1", "s"),
            ("nmap --script=http-title 192.0.2.1", "s"),
            ("nmap -script=http-title 192.0.2.1", "s"),
            ("nmap --script \"http-* and not slow\" 192.0.2.1", "s"),
            ("nmap --traceroute 192.0.2.1", "r"),
            ("nmap -traceroute 192.0.2.1", "r"),
            ("nmap --trace 192.0.2.1", "r"),
            // Options that ask for nothing.
            ("nmap --version 192.0.2.1", ""),
            ("nmap -V", ""),
            ("nmap --script-args user=A,x=-sV 192.0.2.1", ""),
            ("nmap --script-timeout 5 --script-trace --script-updatedb 192.0.2.1", ""),
            ("nmap --osscan-guess --osscan-limit 192.0.2.1", ""),
            ("nmap -oA out -oX - -p T:80 -PS22 -PA80 -e An0 192.0.2.1", ""),
            ("nmap -sn -PE --stats-every 5s 192.0.2.1", ""),
            ("nmap -T4 -d2 -vv -iL list -D RND:5 192.0.2.1", ""),
        ] {
            assert_eq!(letters(args), expected, "{args}");
        }
    }

    #[test]
    fn words_are_split_and_values_taken_as_by_nmap() {
        for (args, expected) in [
            // A quoted text is one word, and words after `--` are targets.
            ("nmap --script-args \"user=x -sV -A\" 192.0.2.1", ""),
            ("nmap \"-sV\" 192.0.2.1", "v"),
            ("nmap -oN \"a \\\"b\\\" -A\" 192.0.2.1", ""),
            ("nmap -- -A -sV", ""),
            // The value of an option may begin with a dash.
            ("nmap -oX -A.xml -p -1000 --exclude -O --dns-servers -sV -e -n 192.0.2.1", ""),
            ("nmap -oX=-A 192.0.2.1", ""),
            ("nmap --exclude=x -O 192.0.2.1", "o"),
            ("nmap --max-rate 5 -A 192.0.2.1", "vsor"),
            ("nmap -oX x -A 192.0.2.1", "vsor"),
            ("nmap -p80 -O 192.0.2.1", "o"),
            ("nmap --script -A", "s"),
            ("nmap -PS -O -d -A 192.0.2.1", "vsor"),
            ("nmap -iL -O", ""),
            ("-A", ""),
            ("/usr/bin/nmap  -sV\t-O", "vo"),
            ("nmap \"-A", "vsor"),
            ("nmap -", ""),
            ("nmap -s", ""),
        ] {
            assert_eq!(letters(args), expected, "{args}");
        }
        assert_eq!(RequestedInfo::from_args(None), RequestedInfo::default());
        assert!(RequestedInfo::from_args(Some("nmap")).is_known);
    }
}
