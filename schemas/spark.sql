-- Printed by `scanmill schema`; not edited by hand.

CREATE TABLE scans (
    `scan_id` STRING NOT NULL COMMENT 'Stable id of the scan: the same whenever and from wherever it is read.',
    `source` STRING NOT NULL COMMENT 'Name of the input as given.',
    `doc_index` INT NOT NULL COMMENT 'Place among the documents of the input, from 0.',
    `scanner` STRING COMMENT 'nmap, masscan or what a merger wrote.',
    `scanner_version` STRING COMMENT 'Version of the scanner.',
    `xml_version` STRING COMMENT 'Version of the XML output; advisory only.',
    `args` STRING COMMENT 'The command line.',
    `profile_name` STRING COMMENT 'Profile of Zenmap.',
    `start_time` TIMESTAMP COMMENT 'When it began.',
    `start_str` STRING COMMENT 'The same in local time, as nmap wrote it.',
    `end_time` TIMESTAMP COMMENT 'When it ended.',
    `end_str` STRING COMMENT 'The same in local time, as nmap wrote it.',
    `elapsed_s` DOUBLE COMMENT 'Seconds it took; of a resumed scan the sum.',
    `finished` BOOLEAN NOT NULL COMMENT 'Whether a finished element was read.',
    `exit_status` STRING COMMENT 'success or error.',
    `error_message` STRING COMMENT 'Message of an error.',
    `summary` STRING COMMENT 'Last line of nmap.',
    `hosts_up` BIGINT COMMENT 'Hosts up, as reported.',
    `hosts_down` BIGINT COMMENT 'Hosts down, as reported; a list scan counts all here.',
    `hosts_total` BIGINT COMMENT 'Hosts in all, as reported.',
    `verbosity` INT COMMENT 'Level of -v.',
    `debugging` INT COMMENT 'Level of -d.',
    `scan_info` ARRAY<STRUCT<`type`: STRING COMMENT 'Scan type, such as syn.', `protocol`: STRING COMMENT 'Protocol.', `num_services`: BIGINT COMMENT 'How many ports.', `services`: STRING COMMENT 'Which ports, such as 1-3,80.', `scan_flags`: STRING COMMENT 'TCP flags, if given by hand.'>> COMMENT 'What was scanned, one entry a scan type.',
    `hosts_seen` BIGINT NOT NULL COMMENT 'Host elements read.',
    `hosts_incomplete` BIGINT NOT NULL COMMENT 'Of these, hosts that were cut.',
    `truncated` BOOLEAN NOT NULL COMMENT 'Whether the document ends before its end tag.',
    `resumed` BOOLEAN NOT NULL COMMENT 'Whether nmap --resume continued it.',
    `bytes` BIGINT NOT NULL COMMENT 'Bytes of the document, decompressed and undecoded.',
    `warnings` BIGINT NOT NULL COMMENT 'How often anything was warned of.',
    `content_sha256` STRING COMMENT 'SHA-256 of these bytes in hexadecimal, with --hash.'
)
USING PARQUET
COMMENT 'One row a document, written when it ends. Key: scan_id.';

CREATE TABLE hosts (
    `host_id` STRING NOT NULL COMMENT 'Id of the host: scan_id, `-h` and host_index.',
    `scan_id` STRING NOT NULL COMMENT 'The scan it belongs to.',
    `host_index` INT NOT NULL COMMENT 'Place among the host elements of its scan, from 0.',
    `host_key` STRING NOT NULL COMMENT 'Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text.',
    `ip` STRING COMMENT 'First address of type ipv4 or ipv6, without its zone.',
    `ip_version` INT COMMENT '4 or 6; null if ip is no literal.',
    `ip_bytes` BINARY COMMENT 'The address in network order, IPv4 as ::ffff:0:0/96: sortable.',
    `ip_zone` STRING COMMENT 'Zone of the address, what follows its `%`.',
    `mac` STRING COMMENT 'First MAC address, upper case with colons.',
    `mac_vendor` STRING COMMENT 'Vendor of the first MAC address.',
    `hostname` STRING COMMENT 'First name of type user, else first PTR, else first name.',
    `hostnames` ARRAY<STRUCT<`name`: STRING NOT NULL COMMENT 'The name as found.', `type`: STRING COMMENT 'user as typed, PTR from DNS.'>> COMMENT 'Host names in document order.',
    `addresses` ARRAY<STRUCT<`addr`: STRING NOT NULL COMMENT 'The address in its canonical form, without zone.', `type`: STRING NOT NULL COMMENT 'ipv4, ipv6 or mac.', `vendor`: STRING COMMENT 'Vendor that a MAC address belongs to.'>> COMMENT 'Addresses in document order.',
    `state` STRING NOT NULL COMMENT 'up, down, unknown or skipped; without a status inferred from ports.',
    `reason` STRING COMMENT 'Why, such as echo-reply; `inferred` without a status.',
    `reason_ttl` INT COMMENT 'TTL of the packet that told.',
    `start_time` TIMESTAMP COMMENT 'When nmap began with the host.',
    `end_time` TIMESTAMP COMMENT 'When nmap was done with the host.',
    `timed_out` BOOLEAN COMMENT 'Whether nmap gave up on it.',
    `complete` BOOLEAN NOT NULL COMMENT 'Whether its end was read and nothing was cut.',
    `comment` STRING COMMENT 'Comment of Zenmap\'s user.',
    `distance` INT COMMENT 'Hops away.',
    `uptime_s` BIGINT COMMENT 'Seconds since the last boot.',
    `last_boot` STRING COMMENT 'Local time of the last boot, as nmap wrote it.',
    `tcp_seq_index` BIGINT COMMENT 'Difficulty index of TCP sequence prediction.',
    `tcp_seq_difficulty` STRING COMMENT 'Difficulty of TCP sequence prediction in words.',
    `tcp_seq_class` STRING COMMENT 'Class of TCP sequence numbers (before nmap 4.62).',
    `tcp_seq_values` STRING COMMENT 'TCP sequence numbers seen, in hexadecimal.',
    `ip_id_class` STRING COMMENT 'Class of IP identification numbers.',
    `ip_id_values` STRING COMMENT 'IP identification numbers seen, in hexadecimal.',
    `tcp_ts_class` STRING COMMENT 'Class of TCP time stamps.',
    `tcp_ts_values` STRING COMMENT 'TCP time stamps seen, in hexadecimal.',
    `srtt_ms` DOUBLE COMMENT 'Smoothed round trip time in milliseconds.',
    `rttvar_ms` DOUBLE COMMENT 'Variance of the round trip time in milliseconds.',
    `timeout_ms` DOUBLE COMMENT 'Probe time-out in milliseconds.',
    `smurf_responses` BIGINT COMMENT 'Answers to a ping of a broadcast address.',
    `extra_ports` ARRAY<STRUCT<`state`: STRING COMMENT 'State of these ports.', `count`: BIGINT COMMENT 'How many they are.', `reasons`: ARRAY<STRUCT<`reason`: STRING COMMENT 'The reason as written.', `count`: BIGINT COMMENT 'How many ports.', `proto`: STRING COMMENT 'Their protocol.', `ports`: STRING COMMENT 'Their numbers, such as 1-24,26.'>> COMMENT 'Why they are in that state.'>> COMMENT 'Ports that are not listed singly, one entry a state.',
    `os_fingerprints` ARRAY<STRING> COMMENT 'Fingerprints of the operating system.',
    `os_ports_used` ARRAY<STRUCT<`state`: STRING COMMENT 'Its state.', `proto`: STRING COMMENT 'Its protocol.', `port`: INT COMMENT 'Its number.'>> COMMENT 'Ports that operating system detection used.',
    `ports_listed` INT NOT NULL COMMENT 'Ports that the document lists singly.',
    `ports_open` INT NOT NULL COMMENT 'Of these, open ones.'
)
USING PARQUET
COMMENT 'One row a host element; filters leave rows out but change none. Key: host_id.';

CREATE TABLE ports (
    `scan_id` STRING NOT NULL COMMENT 'The scan it belongs to.',
    `host_id` STRING NOT NULL COMMENT 'The host it belongs to.',
    `protocol` STRING NOT NULL COMMENT 'tcp, udp, sctp, ip or what masscan wrote, in lower case.',
    `port` INT NOT NULL COMMENT 'Port number; for ip the IP protocol number.',
    `ip` STRING COMMENT 'The host\'s ip.',
    `state` STRING NOT NULL COMMENT 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.',
    `reason` STRING COMMENT 'Why, such as syn-ack.',
    `reason_ttl` INT COMMENT 'TTL of the packet that told.',
    `reason_ip` STRING COMMENT 'Who sent it, if not the host.',
    `owner` STRING COMMENT 'The user that identd named (nmap 3.x and 4.x).',
    `port_index` INT NOT NULL COMMENT 'Place among the ports of the host, from 0.',
    `expanded` BOOLEAN NOT NULL COMMENT 'Whether it was made from a list of extrareasons.'
)
USING PARQUET
COMMENT 'One row a port that is listed singly; with --expand-extraports also one a port of the lists. Key: host_id, protocol, port.';

CREATE TABLE services (
    `scan_id` STRING NOT NULL COMMENT 'The scan it belongs to.',
    `host_id` STRING NOT NULL COMMENT 'The host it belongs to.',
    `protocol` STRING NOT NULL COMMENT 'Protocol of its port.',
    `port` INT NOT NULL COMMENT 'Number of its port.',
    `service_index` INT NOT NULL COMMENT 'Place among the services of the port, from 0.',
    `ip` STRING COMMENT 'The host\'s ip.',
    `name` STRING COMMENT 'Name, from the port table or from the answer.',
    `product` STRING COMMENT 'Product.',
    `version` STRING COMMENT 'Version; before nmap 3.40 the whole banner.',
    `extra_info` STRING COMMENT 'Further information.',
    `hostname` STRING COMMENT 'Host name that the service gave.',
    `os_type` STRING COMMENT 'Operating system that the service gave.',
    `device_type` STRING COMMENT 'Kind of device that the service gave.',
    `method` STRING COMMENT 'table, probed or (before 4.85) detection.',
    `confidence` INT COMMENT 'Confidence, 0 to 10.',
    `tunnel` STRING COMMENT 'ssl if found inside TLS.',
    `rpc_proto` STRING COMMENT 'rpc (until nmap 6.01).',
    `rpc_num` BIGINT COMMENT 'RPC program number.',
    `low_ver` INT COMMENT 'Lowest RPC version.',
    `high_ver` INT COMMENT 'Highest RPC version.',
    `cpes` ARRAY<STRING> COMMENT 'CPE 2.2 URIs.',
    `fingerprint` STRING COMMENT 'Fingerprint of a service that nmap does not know.',
    `banner` STRING COMMENT 'Banner that masscan read.'
)
USING PARQUET
COMMENT 'One row a service found on a port; nmap gives one at most, masscan several. Key: host_id, protocol, port, service_index.';

CREATE TABLE scripts (
    `scan_id` STRING NOT NULL COMMENT 'The scan it belongs to.',
    `host_id` STRING COMMENT 'The host it ran on; null for prerule and postrule.',
    `protocol` STRING COMMENT 'Protocol of the port it ran on.',
    `port` INT COMMENT 'Number of the port it ran on.',
    `scope` STRING NOT NULL COMMENT 'prerule, host, port or postrule.',
    `script_index` INT NOT NULL COMMENT 'Place among the scripts of its parent, from 0.',
    `name` STRING NOT NULL COMMENT 'The script\'s id.',
    `origin` STRING NOT NULL COMMENT 'nse, or engine for a function of scanmill\'s user.',
    `output` STRING COMMENT 'Its text; null if the script returned an empty table.',
    `data` STRING COMMENT 'Its structured value as JSON text.'
)
USING PARQUET
COMMENT 'One row a script result, of a run, a host or a port. Key: scan_id, host_id, protocol, port, scope, script_index.';

CREATE TABLE os_matches (
    `scan_id` STRING NOT NULL COMMENT 'The scan it belongs to.',
    `host_id` STRING NOT NULL COMMENT 'The host it belongs to.',
    `match_index` INT NOT NULL COMMENT 'Place among the matches of the host, from 0.',
    `name` STRING COMMENT 'Name of the operating system.',
    `accuracy` INT COMMENT 'How well it fits, in percent.',
    `line` INT COMMENT 'Line in nmap-os-db.'
)
USING PARQUET
COMMENT 'One row an operating system that fits a host. Key: host_id, match_index.';

CREATE TABLE os_classes (
    `scan_id` STRING NOT NULL COMMENT 'The scan it belongs to.',
    `host_id` STRING NOT NULL COMMENT 'The host it belongs to.',
    `class_index` INT NOT NULL COMMENT 'Place among the classes of the host, from 0.',
    `match_index` INT COMMENT 'The match it belongs to; null if it stood directly below os.',
    `type` STRING COMMENT 'Kind of device, such as general purpose.',
    `vendor` STRING COMMENT 'Vendor.',
    `family` STRING COMMENT 'Family, such as Linux.',
    `gen` STRING COMMENT 'Generation, such as 5.X.',
    `accuracy` INT COMMENT 'How well it fits, in percent.',
    `cpes` ARRAY<STRING> COMMENT 'CPE 2.2 URIs.'
)
USING PARQUET
COMMENT 'One row a class of operating systems that fits a host. Key: host_id, class_index.';

CREATE TABLE hops (
    `scan_id` STRING NOT NULL COMMENT 'The scan it belongs to.',
    `host_id` STRING NOT NULL COMMENT 'The host it belongs to.',
    `trace_index` INT NOT NULL COMMENT 'Place among the routes of the host, from 0.',
    `hop_index` INT NOT NULL COMMENT 'Place in the route, from 0.',
    `proto` STRING COMMENT 'Protocol of the probes.',
    `trace_port` INT COMMENT 'Port of the probes.',
    `ttl` INT COMMENT 'Hops away from the scanner; hops without an answer are left out.',
    `rtt_ms` DOUBLE COMMENT 'Round trip time in milliseconds.',
    `ip` STRING COMMENT 'Address that answered.',
    `hostname` STRING COMMENT 'Its name.'
)
USING PARQUET
COMMENT 'One row a hop of a route to a host. Key: host_id, trace_index, hop_index.';

CREATE TABLE events (
    `scan_id` STRING NOT NULL COMMENT 'The scan it belongs to.',
    `event_index` INT NOT NULL COMMENT 'Place among the events of the scan, from 0.',
    `kind` STRING NOT NULL COMMENT 'taskbegin, taskprogress, taskend, hosthint or target.',
    `task` STRING COMMENT 'Name of the step.',
    `time` TIMESTAMP COMMENT 'When.',
    `extra_info` STRING COMMENT 'Further information on the step.',
    `percent` DOUBLE COMMENT 'How much of the step is done.',
    `remaining_s` BIGINT COMMENT 'Seconds that remain.',
    `etc_time` TIMESTAMP COMMENT 'When the step will be done.',
    `ip` STRING COMMENT 'First IP address of a hint.',
    `mac` STRING COMMENT 'First MAC address of a hint.',
    `hostname` STRING COMMENT 'First host name of a hint.',
    `state` STRING COMMENT 'State of a hint, or status of a target.',
    `reason` STRING COMMENT 'Reason of a hint or a target.',
    `specification` STRING COMMENT 'A target as given.'
)
USING PARQUET
COMMENT 'One row a task element, hint at a host or skipped target of a scan. Key: scan_id, event_index.';

CREATE TABLE warnings (
    `source` STRING NOT NULL COMMENT 'Name of the input as given.',
    `doc_index` INT NOT NULL COMMENT 'Place of the document in the input, from 0.',
    `warning_index` INT NOT NULL COMMENT 'Place among the warnings of the document, in order of their places.',
    `scan_id` STRING COMMENT 'The scan; null if the input holds none.',
    `code` STRING NOT NULL COMMENT 'Code of the warning, such as W_TRUNCATED.',
    `byte_offset` BIGINT NOT NULL COMMENT 'First place, in bytes from the start of the input.',
    `line` BIGINT NOT NULL COMMENT 'Line of the first place, from 1.',
    `count` BIGINT NOT NULL COMMENT 'How often in this document.',
    `detail` STRING COMMENT 'What was found at the first place.'
)
USING PARQUET
COMMENT 'One row a warning code and document: the first place, and how often. Key: source, doc_index, warning_index.';
