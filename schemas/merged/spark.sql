-- Printed by `scanmill schema`; not edited by hand.

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
    `ports_open` INT NOT NULL COMMENT 'Of these, open ones.',
    `scan_ids` ARRAY<STRING> NOT NULL COMMENT 'The scans that contributed, in order.',
    `first_seen` TIMESTAMP COMMENT 'When it was first seen: the earliest start, else end.',
    `last_seen` TIMESTAMP COMMENT 'When it was last seen up: the latest end, else start.',
    `last_looked` TIMESTAMP COMMENT 'When it was last looked for, up or not: the latest end, else start.',
    `seen` INT NOT NULL COMMENT 'How many scans saw it.'
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
    `expanded` BOOLEAN NOT NULL COMMENT 'Whether it was made from a list of extrareasons.',
    `first_seen` TIMESTAMP COMMENT 'When it was first listed: the earliest start, else end, of the host.',
    `last_seen` TIMESTAMP COMMENT 'When it was last listed: the latest end, else start, of the host.',
    `last_looked` TIMESTAMP COMMENT 'When it was last listed or covered: the latest end, else start, of the host.',
    `seen` INT NOT NULL COMMENT 'How many scans listed it.'
)
USING PARQUET
COMMENT 'One row a port that is listed singly; with --expand-extraports also one a port of the lists. Key: host_id, protocol, port.';

CREATE TABLE conflicts (
    `host_key` STRING NOT NULL COMMENT 'The host it is a value of.',
    `protocol` STRING COMMENT 'Protocol of the port; null of a value of the host.',
    `port` INT COMMENT 'Number of the port.',
    `column` STRING NOT NULL COMMENT 'What it is a value of, such as state, service.version or script.http-title.',
    `item` STRING COMMENT 'The name of the service, script or match, or the type of the host names, that it is a value of.',
    `winner_scan_id` STRING NOT NULL COMMENT 'The scan of the value that stands.',
    `winner_value` STRING COMMENT 'The value that stands; of a port that is covered its state, if the later look says it.',
    `loser_scan_id` STRING NOT NULL COMMENT 'The scan of the value that lost.',
    `loser_value` STRING COMMENT 'The value that lost.',
    `rule` STRING NOT NULL COMMENT 'Why: the policy, or covered for a port that a later look covered and did not list.'
)
USING PARQUET
COMMENT 'One row a value that lost in a merge against another one. Key: host_key, protocol, port, column, item, loser_scan_id.';

CREATE TABLE changes (
    `host_key` STRING NOT NULL COMMENT 'The host; of one that moved, in the newer state.',
    `ip` STRING COMMENT 'Its ip.',
    `protocol` STRING COMMENT 'Protocol of the port; null of a value of the host.',
    `port` INT COMMENT 'Number of the port.',
    `ports` STRING COMMENT 'Ports that are not listed singly and of which this is so, as 1-21,23-100.',
    `kind` STRING NOT NULL COMMENT 'appeared, first_seen (an open port that the older state never looked for), gone, changed, moved, or not_scanned by the other state.',
    `column` STRING NOT NULL COMMENT 'What differs, such as state, hostnames, service.version or script.http-title.',
    `old` STRING COMMENT 'The older value.',
    `new` STRING COMMENT 'The newer value.',
    `old_scan_id` STRING COMMENT 'The scan of the older value.',
    `new_scan_id` STRING COMMENT 'The scan of the newer value.',
    `old_time` TIMESTAMP COMMENT 'When the older value was last seen.',
    `new_time` TIMESTAMP COMMENT 'When the newer value was last seen.',
    `old_service_name` STRING COMMENT 'Name of the port\'s first service in the older state.',
    `old_service_product` STRING COMMENT 'Its product.',
    `old_service_version` STRING COMMENT 'Its version.',
    `new_service_name` STRING COMMENT 'Name of the port\'s first service in the newer state.',
    `new_service_product` STRING COMMENT 'Its product.',
    `new_service_version` STRING COMMENT 'Its version.'
)
USING PARQUET
COMMENT 'One row per difference between an older state and a newer one. Key: host_key, protocol, port, ports, column.';

CREATE TABLE host_history (
    `host_key` STRING NOT NULL COMMENT 'Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text.',
    `ip` STRING COMMENT 'First address of type ipv4 or ipv6, without its zone.',
    `mac` STRING COMMENT 'First MAC address, upper case with colons.',
    `hostname` STRING COMMENT 'First name of type user, else first PTR, else first name.',
    `state` STRING NOT NULL COMMENT 'up, down, unknown or skipped.',
    `os_name` STRING COMMENT 'Name of the best match of the operating system.',
    `valid_from` TIMESTAMP COMMENT 'The first look with these values; null if it has no time.',
    `last_seen` TIMESTAMP COMMENT 'The last look that confirmed them.',
    `valid_to` TIMESTAMP COMMENT 'The first later look that contradicts them; null while they are true.',
    `looks` BIGINT NOT NULL COMMENT 'How many looks confirmed them.',
    `first_scan_id` STRING NOT NULL COMMENT 'The scan of the first of these looks.',
    `last_scan_id` STRING NOT NULL COMMENT 'The scan of the last of these looks.',
    `ended_by_scan_id` STRING COMMENT 'The scan that contradicts them.'
)
USING PARQUET
COMMENT 'One row per interval in which the listed values of a host did not change. Key: host_key, valid_from.';

CREATE TABLE port_history (
    `host_key` STRING NOT NULL COMMENT 'The host it belongs to.',
    `ip` STRING COMMENT 'The host\'s ip at that time.',
    `protocol` STRING NOT NULL COMMENT 'tcp, udp, sctp, ip or what masscan wrote, in lower case.',
    `port` INT NOT NULL COMMENT 'Port number; for ip the IP protocol number.',
    `state` STRING NOT NULL COMMENT 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.',
    `reason` STRING COMMENT 'Why, such as syn-ack.',
    `service_name` STRING COMMENT 'Name of its first service, from the port table or from the answer.',
    `service_product` STRING COMMENT 'Product of its first service.',
    `service_version` STRING COMMENT 'Version of its first service.',
    `service_cpes` ARRAY<STRING> NOT NULL COMMENT 'CPE 2.2 URIs of its first service.',
    `valid_from` TIMESTAMP COMMENT 'The first look with these values; null if it has no time.',
    `last_seen` TIMESTAMP COMMENT 'The last look that confirmed them.',
    `valid_to` TIMESTAMP COMMENT 'The first later look that contradicts them; null while they are true.',
    `looks` BIGINT NOT NULL COMMENT 'How many looks confirmed them.',
    `first_scan_id` STRING NOT NULL COMMENT 'The scan of the first of these looks.',
    `last_scan_id` STRING NOT NULL COMMENT 'The scan of the last of these looks.',
    `ended_by_scan_id` STRING COMMENT 'The scan that contradicts them.'
)
USING PARQUET
COMMENT 'One row per interval in which the listed values of a port did not change. Key: host_key, protocol, port, valid_from.';
