//! What is written, where and how.

use std::fs;

use super::{err, fixtures, folder, lines, names, out, path, run};

const TABLES: [&str; 10] = [
    "events",
    "hops",
    "hosts",
    "os_classes",
    "os_matches",
    "ports",
    "scans",
    "scripts",
    "services",
    "warnings",
];

#[test]
fn a_folder_gets_every_table_and_a_name_tells_the_format() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (out, args, ending) in [
        ("tables", vec![], "parquet"),
        ("text", vec!["--to", "csv"], "csv"),
        ("flat", vec!["--to", "jsonl", "--shape", "flat"], "jsonl"),
    ] {
        run([vec!["convert", &path("04-"), "-o", &at(out)], args].concat(), 0);
        let expected: Vec<_> = TABLES.iter().map(|table| format!("{table}.{ending}")).collect();
        assert_eq!(names(&folder.path().join(out)), expected);
    }
    let lines_of = |name: &str| {
        let bytes = fs::read(at(name)).unwrap();
        if name.ends_with("gz") {
            std::io::read_to_string(flate2::read::GzDecoder::new(&*bytes)).unwrap()
        } else if name.ends_with("zst") {
            String::from_utf8(zstd::decode_all(&*bytes).unwrap()).unwrap()
        } else {
            String::from_utf8(bytes).unwrap()
        }
    };
    let nested = out(&run(["convert", &path("04-")], 0));
    for name in ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.jsonl.zst"] {
        run(["convert", &path("04-"), "-o", &at(name)], 0);
        assert_eq!(lines_of(name), nested, "{name}");
    }
    let table = out(&run(["convert", &path("04-"), "--table", "ports", "--to", "csv"], 0));
    for name in ["p.csv", "p.csv.gz"] {
        run(["convert", &path("04-"), "--table", "ports", "-o", &at(name)], 0);
        assert_eq!(lines_of(name), table, "{name}");
    }
    run(["convert", &path("04-"), "--table", "ports", "-o", &at("p.parquet")], 0);
    assert!(fs::read(at("p.parquet")).unwrap().starts_with(b"PAR1"));
    run(["convert", &path("04-"), "-o", &at("parts"), "--rows-per-file", "5"], 0);
    assert!(names(&folder.path().join("parts/ports")).contains(&"part-1.parquet".to_owned()));
}

#[test]
fn nothing_is_overwritten_unless_asked_for() {
    let folder = folder();
    let file = folder.path().join("out.jsonl");
    let tables = folder.path().join("tables");
    fs::write(&file, "precious").unwrap();
    fs::create_dir(&tables).unwrap();
    fs::write(tables.join("notes.txt"), "precious").unwrap();
    for target in [&file, &tables] {
        let target = target.to_str().unwrap();
        let output = run(["convert", &path("01-"), "-o", target], 2);
        assert!(err(&output).contains("--overwrite"), "{}", err(&output));
    }
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert_eq!(names(&tables), ["notes.txt"]);
    for target in [&file, &tables] {
        run(["convert", &path("01-"), "--overwrite", "-o", target.to_str().unwrap()], 0);
    }
    assert_eq!(fs::read(&file).unwrap(), run(["convert", &path("01-")], 0).stdout);
    assert_eq!(names(&tables).len(), TABLES.len());
    assert_eq!(names(folder.path()), ["out.jsonl", "tables"], "nothing temporary is left");
    // An empty folder is as good as none.
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    run(["convert", &path("01-"), "-o", empty.to_str().unwrap()], 0);
    assert_eq!(names(&empty).len(), TABLES.len());
}

#[test]
fn output_is_the_same_bytes_each_time() {
    let folder = folder();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    for target in [&a, &b] {
        run(["convert", fixtures().to_str().unwrap(), "-o", target.to_str().unwrap()], 0);
    }
    for name in names(&a) {
        assert_eq!(fs::read(a.join(&name)).unwrap(), fs::read(b.join(&name)).unwrap(), "{name}");
    }
}

#[test]
fn a_folder_is_read_without_its_junk_in_order_of_paths() {
    let folder = folder();
    for (from, to) in [("01-", "b.xml"), ("02-", "a/x.xml"), ("11-", "c")] {
        let to = folder.path().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(path(from), to).unwrap();
    }
    fs::write(folder.path().join("a.txt"), "notes").unwrap();
    fs::write(folder.path().join("page.xml"), "<html/>").unwrap();
    fs::write(folder.path().join(".hidden.xml"), "<html/>").unwrap();
    let output = run(["convert", "-v", folder.path().to_str().unwrap()], 0);
    assert!(err(&output).contains("3 read, 2 skipped"), "{}", err(&output));
    let apart = ["02-", "01-", "11-"].map(|start| out(&run(["convert", &path(start)], 0)));
    let without_source = |text: &str| {
        let mut values = lines(text);
        for value in &mut values {
            value.as_object_mut().unwrap().remove("source");
        }
        values
    };
    assert_eq!(without_source(&out(&output)), without_source(&apart.concat()));
}

#[test]
fn columns_and_states_are_chosen() {
    let args = ["convert", &path("05-"), "--table", "ports", "--to", "csv"];
    let with = |more: &[&str]| out(&run(args.iter().copied().chain(more.iter().copied()), 0));
    let all = with(&["--columns", "state,port"]);
    assert!(all.starts_with("state,port\n"), "{all}");
    assert!(all.lines().skip(1).any(|line| !line.starts_with("open,")), "{all}");
    let open = with(&["--columns", "state,port", "--state", "open"]);
    let expected: Vec<_> = all
        .lines()
        .filter(|line| line.starts_with("state,") || line.starts_with("open,"))
        .collect();
    assert_eq!(open.lines().collect::<Vec<_>>(), expected);
    // What is left out changes no index.
    let column = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let some = column(&with(&["--columns", "port,port_index", "--state", "open"]));
    assert!(some.iter().all(|row| column(&with(&["--columns", "port,port_index"])).contains(row)));
}

#[test]
fn hosts_events_hashes_and_ports_of_lists_are_there_on_demand() {
    let count = |start: &str, more: &[&str], keep: fn(&serde_json::Value) -> bool| {
        let file = path(start);
        let args = ["convert", "--shape", "flat", &file].into_iter().chain(more.iter().copied());
        lines(&out(&run(args, 0))).iter().filter(|row| keep(row)).count()
    };
    let down = |row: &serde_json::Value| row["_table"] == "hosts" && row["state"] != "up";
    assert!(count("03-", &[], down) > 0);
    assert_eq!(count("03-", &["--up"], down), 0);
    let hashed = |row: &serde_json::Value| row["content_sha256"].is_string();
    assert_eq!((count("01-", &[], hashed), count("01-", &["--hash"], hashed)), (0, 1));
    let expanded = |row: &serde_json::Value| row["expanded"] == true;
    assert_eq!(count("01-", &[], expanded), 0);
    assert_eq!(count("01-", &["--expand-extraports"], expanded), 993);
    let nested = |more: &[&str]| {
        let file = path("22-");
        let args = ["convert", &file].into_iter().chain(more.iter().copied());
        lines(&out(&run(args, 0))).iter().filter(|line| line["_type"] == "event").count()
    };
    assert!(nested(&["--events"]) > 0 && nested(&[]) == 0);
}

#[test]
fn csv_can_join_lists_and_disarm_formulas() {
    let folder = folder();
    let evil = folder.path().join("evil.xml");
    let xml = r#"<nmaprun args="nmap"><host><status state="up"/><address addr="192.0.2.1"/><ports>
        <port protocol="tcp" portid="80"><state state="open"/>
        <service name="=cmd()"><cpe>cpe:/a:b</cpe><cpe>cpe:/c:d</cpe></service></port></ports></host>"#;
    fs::write(&evil, xml).unwrap();
    let row = |more: &[&str]| {
        let file = evil.to_str().unwrap();
        let args =
            ["convert", "--table", "services", "--columns", "name,cpes", "--to", "csv", file];
        out(&run(args.iter().copied().chain(more.iter().copied()), 0))
    };
    assert_eq!(row(&[]), "name,cpes\n=cmd(),\"[\"\"cpe:/a:b\"\",\"\"cpe:/c:d\"\"]\"\n");
    assert_eq!(row(&["--csv-join", ";", "--csv-safe"]), "name,cpes\n'=cmd(),cpe:/a:b;cpe:/c:d\n");
}

#[test]
fn a_report_tells_what_each_input_gave() {
    let folder = folder();
    let report = folder.path().join("report.json");
    let bad = folder.path().join("bad.xml");
    fs::write(&bad, "x").unwrap();
    let (good, cut, bad) = (path("03-"), path("31-"), bad.to_str().unwrap());
    run(["convert", "--report", report.to_str().unwrap(), &good, &cut, bad, "--to", "jsonl"], 1);
    let report: serde_json::Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!((&report["scans"], &report["interrupted"]), (&2.into(), &false.into()));
    let inputs = report["inputs"].as_array().unwrap();
    let outcomes: Vec<_> = inputs.iter().map(|input| input["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["read", "read", "refused"]);
    assert_eq!((&inputs[0]["hosts"], &inputs[0]["warnings"]), (&64.into(), &0.into()));
    assert_eq!(inputs[0]["bytes"], fs::metadata(good).unwrap().len());
    assert!(inputs[2]["error"].as_str().unwrap().contains("E_NOT_NMAP"));
    assert_eq!(report["warnings"]["W_TRUNCATED"]["line"], 58);
}
