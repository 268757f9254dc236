//! Things found in old archives, each with the result that docs/cli.md specifies.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::Path,
};

use assert_cmd::cargo::cargo_bin;

use super::{Folder, GOOD, Ran, ends, ends_as, program, xml};
use crate::support::{self, fixture};

fn hosts(ran: &Ran) -> usize {
    ran.lines().iter().filter(|line| line.contains("\"_type\":\"host\"")).count()
}

fn make_pipe(path: &str) {
    support::output_of(support::command("mkfifo").arg(path));
}

#[test]
fn folders_may_contain_things_that_are_not_files() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    fs::copy(xml(GOOD), folder.path("in/a.xml")).unwrap();
    make_pipe(&folder.path("in/pipe.xml"));
    let _socket = UnixListener::bind(folder.path("in/socket.xml")).unwrap();
    symlink("/dev/zero", folder.path("in/zero.xml")).unwrap();
    symlink(folder.path("in"), folder.path("in/circle")).unwrap();
    symlink("a.xml", folder.path("in/again.xml")).unwrap();
    let ran = ends(0, &["convert", &folder.path("in")]);
    // The file, and the link to it.
    assert_eq!(hosts(&ran), 6);
}

#[test]
fn broken_links_are_named_and_the_rest_is_read() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    fs::copy(xml(GOOD), folder.path("in/a.xml")).unwrap();
    symlink("gone.xml", folder.path("in/dangling.xml")).unwrap();
    symlink("loop2.xml", folder.path("in/loop1.xml")).unwrap();
    symlink("loop1.xml", folder.path("in/loop2.xml")).unwrap();
    let ran = ends(1, &["convert", &folder.path("in")]);
    assert_eq!(hosts(&ran), 3);
    for name in ["dangling.xml", "loop1.xml", "loop2.xml"] {
        assert!(ran.stderr.contains(&format!("in/{name}: E_IO")), "{name}: {}", ran.stderr);
    }
    // Files that the patterns exclude are not looked at.
    ends(0, &["convert", &folder.path("in"), "--include", "a*"]);
    // A named file that cannot be read is an error of that input.
    let ran = ends(3, &["convert", &folder.path("in/loop1.xml")]);
    assert!(ran.stderr.contains("E_IO"));
}

#[test]
fn devices_and_sockets_end_or_are_refused() {
    assert_eq!(ends(0, &["convert", "/dev/null"]).stdout, "");
    let folder = Folder::new();
    let _socket = UnixListener::bind(folder.path("s")).unwrap();
    assert!(ends(3, &["convert", &folder.path("s")]).stderr.contains("E_IO"));
    assert!(ends(3, &["convert", &folder.path("none.xml")]).stderr.contains("E_IO"));
    fs::create_dir(folder.path("empty")).unwrap();
    assert!(ends(3, &["convert", &folder.path("empty")]).stderr.contains("no files found"));
}

/// Runs the command as a user who may not read everything. Returns `None` if the tests cannot change the
/// user.
fn unprivileged(folder: &Folder, args: &[&str]) -> Option<(Option<i32>, String, String)> {
    let copy = folder.path("scanmill");
    fs::copy(cargo_bin!("scanmill"), &copy).unwrap();
    let mut command = support::command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", &copy]);
    command.args(args);
    let output = command.output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let denied = stderr.starts_with("setpriv:");
    (!denied).then_some((output.status.code(), stdout, stderr))
}

#[test]
fn files_that_may_not_be_read_are_named_and_the_rest_is_read() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in/closed")).unwrap();
    for name in ["in/a.xml", "in/b.xml", "in/closed/c.xml"] {
        fs::copy(xml(GOOD), folder.path(name)).unwrap();
    }
    let mode = |name: &str, mode| {
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, bits) in
        [("", 0o755), ("in", 0o755), ("in/a.xml", 0o644), ("in/b.xml", 0), ("in/closed", 0)]
    {
        mode(name, bits);
    }
    let ran = unprivileged(&folder, &["convert", &folder.path("in")]);
    mode("in/closed", 0o755);
    let Some((code, stdout, stderr)) = ran else {
        return support::skip("files_that_may_not_be_read_...", "setpriv cannot change the user");
    };
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stdout.matches("\"_type\":\"host\"").count(), 3);
    for name in ["in/b.xml: E_IO", "in/closed: E_IO"] {
        assert!(stderr.contains(name), "{name}: {stderr}");
    }
}

#[test]
fn names_may_be_any_bytes_and_are_escaped() {
    let folder = Folder::new();
    let names: [&[u8]; 4] = [
        b"caf\xe9.xml",
        "r\u{202e}lmx.xml".as_bytes(),
        b"new\nline.xml",
        "\u{1f600} a b.xml".as_bytes(),
    ];
    let root = folder.0.path().join("in");
    fs::create_dir(&root).unwrap();
    for name in names {
        fs::copy(xml("37-truncated-mid-attribute.xml"), root.join(OsStr::from_bytes(name)))
            .unwrap();
    }
    let ran = ends(0, &["convert", root.to_str().unwrap(), "-vv"]);
    let sources: Vec<_> =
        ran.json().iter().filter_map(|line| line["source"].as_str().map(str::to_owned)).collect();
    let file_name =
        |path: &String| Path::new(path).file_name().unwrap().to_str().unwrap().to_owned();
    let sources: Vec<_> = sources.iter().map(file_name).collect();
    assert_eq!(sources, ["caf\\xE9.xml", "new\nline.xml", "r\u{202e}lmx.xml", "\u{1f600} a b.xml"]);
    for shown in ["caf\\xE9.xml", "new", "r\\u{202e}lmx.xml", "\u{1f600} a b.xml"] {
        assert!(ran.stderr.contains(shown), "{shown}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains('\u{202e}'));
    // Named one by one, and from a list.
    let mut command = program();
    command.args(["convert", "--files-from", "-"]);
    let list: Vec<u8> = names
        .iter()
        .flat_map(|name| [root.as_os_str().as_bytes(), b"/", *name, b"\0"].concat())
        .collect();
    assert_eq!(hosts(&ends_as(0, command, &list)), 4);
}

#[test]
fn a_file_that_is_named_twice_is_read_twice_and_reported() {
    let ran = ends(0, &["convert", &xml(GOOD), &xml(GOOD)]);
    assert_eq!(hosts(&ran), 6);
    assert!(ran.stderr.contains("W_DUP_SCAN"));
}

/// Returns a scan that exceeds 1 MiB when compressed.
fn large() -> String {
    let mut text = String::from("<nmaprun args=\"large\" start=\"1700000000\">\n");
    let mut number = 1_u64;
    for host in 0..60_000_u32 {
        number =
            number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (a, b, c) = (host >> 16, host >> 8 & 255, host & 255);
        writeln!(
            text,
            "<host><address addr=\"10.{a}.{b}.{c}\" addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" \
             portid=\"{}\"><state state=\"open\"/><service name=\"{number:016x}\"/></port></ports></host>",
            number >> 50
        )
        .unwrap();
    }
    text + "</nmaprun>\n"
}

#[test]
fn a_large_compressed_file_is_read_alike_on_any_number_of_threads_even_if_it_is_broken() {
    let folder = Folder::new();
    let text = large();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() > 1 << 20, "{}", packed.len());
    let mut damaged = packed.clone();
    damaged[packed.len() / 2] ^= 0xff;
    let whole = folder.write("whole.xml.gz", &packed);
    let cut = folder.write("cut.xml.gz", &packed[..packed.len() / 2]);
    let junk = folder.write("junk.xml.gz", [&packed[..], b"junk"].concat());
    let damaged = folder.write("damaged.xml.gz", damaged);
    let blanks = folder.write("bomb.zst", {
        let mut bytes = zstd::encode_all(&packed[..], 1).unwrap();
        bytes.extend(zstd::encode_all(&vec![b' '; 1 << 30][..], 1).unwrap());
        bytes
    });
    let expected =
        [(&whole, 0, 60_000), (&cut, 1, 0), (&junk, 1, 60_000), (&damaged, 1, 0), (&blanks, 1, 0)];
    for (path, code, least) in expected {
        let args = |threads| ["convert", path, "-j", threads, "--max-ratio", "300"];
        let (one, two) = (ends(code, &args("1")), ends(code, &args("2")));
        assert!(one.stdout == two.stdout, "{path}");
        assert_eq!(one.stderr, two.stderr, "{path}");
        assert!(hosts(&one) >= least, "{path}");
        assert_eq!(one.stderr.contains("E_DECOMPRESS"), code != 0, "{path}: {}", one.stderr);
    }
}

#[test]
fn bombs_and_encrypted_members_are_refused_and_the_rest_is_read() {
    let folder = Folder::new();
    let good = fixture("08-").bytes;
    let append = |builder: &mut tar::Builder<Vec<u8>>, name: &str, size: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_cksum();
        builder.append(&header, &*good).unwrap();
    };
    let mut builder = tar::Builder::new(Vec::new());
    append(&mut builder, "a.xml", good.len().try_into().unwrap());
    append(&mut builder, "endless.xml", 8 << 30);
    let path = folder.write("endless.tar", builder.into_inner().unwrap());
    let ran = ends(1, &["convert", &path]);
    assert_eq!(hosts(&ran), 6);
    assert!(ran.stderr.contains("endless.tar"), "{}", ran.stderr);

    // A member that needs a password: the flag is set in both headers of the member.
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for name in ["locked.xml", "open.xml"] {
        writer.start_file(name, options).unwrap();
        writer.write_all(&good).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    let places =
        |bytes: &[u8], magic: &[u8]| bytes.windows(4).position(|four| four == magic).unwrap();
    let (local, central) = (places(&bytes, b"PK\x03\x04"), places(&bytes, b"PK\x01\x02"));
    bytes[local + 6] |= 1;
    bytes[central + 8] |= 1;
    let path = folder.write("locked.zip", bytes);
    let ran = ends(1, &["convert", &path]);
    assert_eq!(hosts(&ran), 3);
    assert!(ran.stderr.contains("locked.zip!locked.xml: E_DECOMPRESS"), "{}", ran.stderr);
}
