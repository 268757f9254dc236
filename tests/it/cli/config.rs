//! Options from `scanmill.toml`.

use std::os::unix::fs::PermissionsExt;

use super::{CUT, Folder, GOOD, Ran, as_nobody_with, ends_as, program, xml};
use crate::support;

/// A working folder, isolated from the user's configuration.
struct Here(Folder);

impl Here {
    fn with(config: &str) -> Self {
        let folder = Folder::new();
        folder.write("scanmill.toml", config);
        Self(folder)
    }

    fn ends_in(&self, code: i32, variables: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut command = program();
        command.current_dir(self.0.path("")).env("XDG_CONFIG_HOME", self.0.path("users"));
        command.envs(variables.iter().copied()).args(args);
        ends_as(code, command, b"")
    }

    fn ends(&self, code: i32, args: &[&str]) -> Ran {
        self.ends_in(code, &[], args)
    }
}

#[test]
fn a_file_sets_options_for_all_or_one_command_and_variables_and_options_override_it() {
    let here = Here::with(
        "table = \"ports\"\nstate = [\"open\"]\nthreads = 1\n[convert]\nto = \"csv\"\ncolumns = \"port,state\"\n",
    );
    let ran = here.ends(0, &["convert", &xml(GOOD)]);
    assert_eq!(ran.lines()[..2], ["port,state", "21,open"]);
    assert!(ran.lines()[1..].iter().all(|line| line.ends_with(",open")), "{}", ran.stdout);
    let ran = here.ends(0, &["merge", &xml(GOOD)]);
    assert!(ran.lines()[0].starts_with(r#"{"_table":"ports""#), "{}", ran.stdout);
    let ran = here.ends_in(0, &[("SCANMILL_TO", "jsonl")], &["convert", &xml(GOOD)]);
    assert_eq!(ran.lines()[0], r#"{"_table":"ports","port":21,"state":"open"}"#);
    let ran = here.ends(0, &["convert", &xml(GOOD), "--columns", "ip"]);
    assert_eq!(ran.lines()[0], "ip");
}

#[test]
fn switches_can_be_set_and_unset() {
    let here = Here::with("strict = true\n");
    here.ends(3, &["convert", &xml(CUT)]);
    here.ends_in(0, &[("SCANMILL_STRICT", "no")], &["convert", &xml(CUT)]);
    Here::with("[merge]\nstrict = true\n").ends(0, &["convert", &xml(CUT)]);
}

#[test]
fn a_named_file_overrides_the_local_one_which_overrides_the_users() {
    let here = Here::with("to = \"csv\"\ntable = \"scans\"\ncolumns = \"args\"\n");
    let other = here.0.write("other.toml", "table = \"scans\"\n");
    let ran = here.ends(0, &["convert", "--config", &other, &xml(GOOD)]);
    assert!(ran.stdout.starts_with(r#"{"_table":"scans""#), "{}", ran.stdout);
    let ran = here.ends_in(0, &[("SCANMILL_CONFIG", &other)], &["convert", &xml(GOOD)]);
    assert!(ran.stdout.starts_with(r#"{"_table":"scans""#), "{}", ran.stdout);
    std::fs::create_dir_all(here.0.path("users/scanmill")).unwrap();
    here.0.write("users/scanmill/scanmill.toml", "table = \"hosts\"\ncolumns = \"ip\"\n");
    let ran = here.ends(0, &["convert", &xml(GOOD)]);
    assert_eq!(ran.lines()[0], "args");
    std::fs::remove_file(here.0.path("scanmill.toml")).unwrap();
    let ran = here.ends(0, &["convert", &xml(GOOD)]);
    assert!(ran.stdout.starts_with(r#"{"_table":"hosts","ip":"#), "{}", ran.stdout);
}

#[test]
fn errors_in_a_file_name_it() {
    for (config, words) in [
        ("colour = \"always\"\n", "\"colour\" is neither an option nor a command"),
        ("[convert]\npolicy = \"latest\"\n", "\"convert.policy\" is not an option of this command"),
        ("inputs = \"x\"\n", "\"inputs\" is neither an option nor a command"),
        ("config = \"x\"\n", "\"config\" is neither an option nor a command"),
        ("to = 2026-01-01\n", "\"to\" is not a string"),
        ("\nto = \n", "error: scanmill.toml: line 2: "),
        ("[convert]\nto = \"yaml\"\n", "hint: scanmill.toml sets options, too"),
    ] {
        let ran = Here::with(config).ends(2, &["convert", &xml(GOOD)]);
        assert!(ran.stderr.contains(words), "{config}: {}", ran.stderr);
    }
    let ran = Here::with("").ends(2, &["convert", "--config", "none.toml", &xml(GOOD)]);
    assert!(ran.stderr.contains("none.toml: No such file"), "{}", ran.stderr);
}

#[test]
fn a_local_file_starts_no_program_and_replaces_nothing() {
    for option in ["args", "engine", "keep-xml", "keep_xml", "nmap", "overwrite", "sudo"] {
        for config in [format!("{option} = \"x\"\n"), format!("[scan]\n{option} = \"x\"\n")] {
            let here = Here::with(&config);
            let ran = here.ends(2, &["scan", "192.0.2.1", "--nmap", "no-such-nmap"]);
            assert!(ran.stderr.contains("starts programs or replaces files"), "{}", ran.stderr);
        }
    }
    for (command, option) in [
        ("watch", "keep"),
        ("watch", "rotate-size"),
        ("watch", "rotate_every"),
        ("ingest", "vacuum"),
        ("ingest", "compact"),
    ] {
        let here = Here::with(&format!("[{command}]\n{option} = \"1\"\n"));
        let ran = here.ends(2, &["ingest", &xml(GOOD), "--into", "dataset"]);
        assert!(ran.stderr.contains("starts programs or replaces files"), "{}", ran.stderr);
    }
}

#[test]
fn a_configuration_that_is_not_a_file_is_named() {
    type Make = fn(&std::path::Path);
    let makes: [(&str, Make); 4] = [
        ("is not a file", |path| std::fs::create_dir(path).unwrap()),
        ("is not a file", |path| {
            support::output_of(support::command("mkfifo").arg(path));
        }),
        ("is not a file", |path| std::os::unix::fs::symlink("/dev/null", path).unwrap()),
        ("leads nowhere", |path| std::os::unix::fs::symlink("nowhere", path).unwrap()),
    ];
    for name in ["scanmill.toml", "users/scanmill/scanmill.toml"] {
        for (words, make) in makes {
            let here = Here(Folder::new());
            let path = here.0.path(name);
            std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
            make(std::path::Path::new(&path));
            let ran = here.ends(2, &["convert", &xml(GOOD)]);
            assert!(ran.stderr.contains(name) && ran.stderr.contains(words), "{}", ran.stderr);
            let other = here.0.write("other.toml", "");
            here.ends(0, &["convert", "--config", &other, &xml(GOOD)]);
        }
    }
}

#[test]
fn a_file_that_may_not_be_read_is_named_and_the_home_of_another_user_is_ignored() {
    let folder = Folder::new();
    for path in ["", "home", "home/scanmill"] {
        std::fs::create_dir_all(folder.path(path)).unwrap();
        std::fs::set_permissions(folder.path(path), PermissionsExt::from_mode(0o755)).unwrap();
    }
    folder.write("home/scanmill/scanmill.toml", "to = \"parquet\"\n");
    folder.write("a.xml", std::fs::read(xml(GOOD)).unwrap());
    let home = folder.path("home");
    let run = || as_nobody_with(&folder, &[("XDG_CONFIG_HOME", &home)], &["convert", "a.xml"]);
    let Some((code, ..)) = run() else {
        return support::skip(
            "configuration without rights",
            "setpriv or the rights for it are missing",
        );
    };
    assert_eq!(code, Some(2), "all tables as parquet on standard output");
    std::fs::set_permissions(&home, PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(run().unwrap().0, Some(0));
    let here = folder.write("scanmill.toml", "to = \"csv\"\n");
    std::fs::set_permissions(&here, PermissionsExt::from_mode(0o600)).unwrap();
    let (code, _, said) = run().unwrap();
    assert!(code == Some(2) && said.contains("scanmill.toml: Permission denied"), "{said}");
}
