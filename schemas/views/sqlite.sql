-- Printed by `scanmill schema`; not edited by hand.
--
-- Views of scanmill's tables for SQLite 3.38 and later.
--
-- They read the tables scans, hosts, ports, services, scripts and os_matches, with times as text such as
-- 2026-11-23T06:29:33Z, lists as JSON and ip_bytes as a BLOB, as `--to sqlite` writes them. Differences from the table
-- open_services: text of scripts keeps \xNN, and cpe23 is null for a CPE with other characters than letters, digits and ._-

-- One row per open port and service, with its host and scan: as the table of this name.
CREATE VIEW open_services AS
WITH RECURSIVE
-- The last characters of a version are followed by a blank, which ends its last number or word.
version_parts(version, rest, number, word, key) AS (
    SELECT DISTINCT version, version || ' ', '', '', '' FROM services WHERE version IS NOT NULL
    UNION ALL
    SELECT
        version, substr(rest, 2),
        CASE WHEN rest GLOB '[0-9]*' THEN number || substr(rest, 1, 1) ELSE '' END,
        CASE WHEN rest GLOB '[A-Za-z]*' OR unicode(rest) > 127 THEN word || substr(rest, 1, 1) ELSE '' END,
        key || CASE
            WHEN number <> '' AND rest NOT GLOB '[0-9]*'
                THEN printf('%02d', length(ltrim(number, '0'))) || ltrim(number, '0')
            WHEN word <> '' AND NOT (rest GLOB '[A-Za-z]*' OR unicode(rest) > 127)
                THEN CASE WHEN lower(word) IN ('alpha', 'beta', 'dev', 'pre', 'preview', 'rc', 'snapshot')
                    THEN '-' ELSE '/' END || lower(word)
            ELSE ''
        END
    FROM version_parts
    WHERE rest <> ''
),
version_keys AS (SELECT version, key || '.' AS version_key FROM version_parts WHERE rest = ''),
service_cpes AS (
    SELECT host_id, protocol, port, service_index,
        (SELECT value FROM json_each(cpes) ORDER BY substr(value, 1, 7) <> 'cpe:/a:', key LIMIT 1) AS cpe
    FROM services
),
cpe_parts(cpe, rest, count, names) AS (
    SELECT DISTINCT cpe, substr(cpe, 6) || ':', 0, '' FROM service_cpes
    WHERE cpe GLOB 'cpe:/[aoh]*' AND cpe NOT GLOB '*[^A-Za-z0-9:/._-]*'
    UNION ALL
    SELECT
        cpe, substr(rest, instr(rest, ':') + 1), count + 1,
        names || ':' || CASE substr(rest, 1, instr(rest, ':') - 1)
            WHEN '' THEN '*' ELSE lower(substr(rest, 1, instr(rest, ':') - 1)) END
    FROM cpe_parts
    WHERE rest <> '' AND count < 7
),
cpe23s AS (
    SELECT cpe, 'cpe:2.3' || names || substr(':*:*:*:*:*:*:*', 1, 2 * (7 - count)) || ':*:*:*:*' AS cpe23
    FROM cpe_parts WHERE rest = ''
),
-- With min(), SQLite takes the other columns from the row that has the minimum.
titles AS (
    SELECT host_id, protocol, port, trim(json_extract(data, '$.title')) AS http_title, min(script_index)
    FROM scripts
    WHERE scope = 'port' AND name = 'http-title' AND trim(json_extract(data, '$.title')) <> ''
    GROUP BY host_id, protocol, port
),
tls AS (
    SELECT
        host_id, protocol, port, json_extract(data, '$.subject.commonName') AS tls_cn,
        strftime('%Y-%m-%dT%H:%M:%SZ', json_extract(data, '$.validity.notAfter')) AS tls_not_after, min(script_index)
    FROM scripts
    WHERE scope = 'port' AND name = 'ssl-cert' AND json_type(data) = 'object'
    GROUP BY host_id, protocol, port
),
ssh_keys AS (
    SELECT
        s.host_id, s.protocol, s.port, json_extract(k.value, '$.fingerprint') AS fingerprint,
        row_number() OVER (PARTITION BY s.host_id, s.protocol, s.port ORDER BY s.script_index,
            CASE json_extract(k.value, '$.type') WHEN 'ssh-ed25519' THEN 1 WHEN 'ecdsa-sha2-nistp256' THEN 2
                WHEN 'ssh-rsa' THEN 3 ELSE 4 END, k.key) AS place
    FROM scripts s, json_each(s.data) k
    WHERE s.scope = 'port' AND s.name = 'ssh-hostkey' AND json_type(s.data) = 'array'
        AND json_extract(k.value, '$.fingerprint') IS NOT NULL
),
os AS (
    SELECT host_id, name AS os_name,
        row_number() OVER (PARTITION BY host_id ORDER BY accuracy DESC, match_index) AS place
    FROM os_matches
),
addresses AS (
    SELECT host_id, hex(ip_bytes) AS digits FROM hosts WHERE ip_bytes IS NOT NULL
),
sortable AS (
    SELECT host_id, CASE
        WHEN substr(digits, 1, 24) = '00000000000000000000FFFF' THEN printf('%03d.%03d.%03d.%03d',
            instr('0123456789ABCDEF', substr(digits, 25, 1)) * 16 + instr('0123456789ABCDEF', substr(digits, 26, 1)) - 17,
            instr('0123456789ABCDEF', substr(digits, 27, 1)) * 16 + instr('0123456789ABCDEF', substr(digits, 28, 1)) - 17,
            instr('0123456789ABCDEF', substr(digits, 29, 1)) * 16 + instr('0123456789ABCDEF', substr(digits, 30, 1)) - 17,
            instr('0123456789ABCDEF', substr(digits, 31, 1)) * 16 + instr('0123456789ABCDEF', substr(digits, 32, 1)) - 17)
        ELSE lower(substr(digits, 1, 4) || ':' || substr(digits, 5, 4) || ':' || substr(digits, 9, 4) || ':'
            || substr(digits, 13, 4) || ':' || substr(digits, 17, 4) || ':' || substr(digits, 21, 4) || ':'
            || substr(digits, 25, 4) || ':' || substr(digits, 29, 4))
        END AS ip_sort
    FROM addresses
),
-- Groups of an IPv6 network without their zeros in front: empty for zero.
groups AS (
    SELECT host_id, ltrim(substr(ip_sort, 1, 4), '0') AS a, ltrim(substr(ip_sort, 6, 4), '0') AS b,
        ltrim(substr(ip_sort, 11, 4), '0') AS c, ltrim(substr(ip_sort, 16, 4), '0') AS d
    FROM sortable WHERE ip_sort LIKE '%:%'
),
networks AS (
    SELECT host_id, CASE
        WHEN d <> '' THEN ifnull(nullif(a, ''), '0') || ':' || ifnull(nullif(b, ''), '0') || ':'
            || ifnull(nullif(c, ''), '0') || ':' || d
        WHEN c <> '' THEN ifnull(nullif(a, ''), '0') || ':' || ifnull(nullif(b, ''), '0') || ':' || c
        WHEN b <> '' THEN ifnull(nullif(a, ''), '0') || ':' || b
        ELSE a
        END || '::/64' AS subnet
    FROM groups
)
SELECT
    substr(coalesce(c.start_time, p.start_time, h.start_time), 1, 10) AS scan_date,
    coalesce(p.start_time, h.start_time, c.start_time) AS start_time,
    h.host_key, h.ip, i.ip_sort,
    CASE WHEN i.ip_sort IS NULL THEN NULL ELSE coalesce(n.subnet, rtrim(h.ip, '0123456789') || '0/24') END AS subnet,
    h.hostname, h.mac, h.mac_vendor, os.os_name, p.protocol, p.port, p.state,
    s.name AS service, s.product, s.version, v.version_key, s.extra_info, s.tunnel, f.cpe, d.cpe23,
    t.http_title, x.tls_cn, x.tls_not_after, k.fingerprint AS ssh_hostkey_fp,
    coalesce(s.service_index, 0) AS service_index, p.scan_id, p.host_id
FROM ports p
JOIN hosts h ON h.host_id = p.host_id
LEFT JOIN scans c ON c.scan_id = p.scan_id
LEFT JOIN services s ON (s.host_id, s.protocol, s.port) = (p.host_id, p.protocol, p.port)
LEFT JOIN version_keys v ON v.version = s.version
LEFT JOIN service_cpes f ON (f.host_id, f.protocol, f.port, f.service_index) = (s.host_id, s.protocol, s.port, s.service_index)
LEFT JOIN cpe23s d ON d.cpe = f.cpe
LEFT JOIN titles t ON (t.host_id, t.protocol, t.port) = (p.host_id, p.protocol, p.port)
LEFT JOIN tls x ON (x.host_id, x.protocol, x.port) = (p.host_id, p.protocol, p.port)
LEFT JOIN ssh_keys k ON (k.host_id, k.protocol, k.port) = (p.host_id, p.protocol, p.port) AND k.place = 1
LEFT JOIN os ON os.host_id = p.host_id AND os.place = 1
LEFT JOIN sortable i ON i.host_id = p.host_id
LEFT JOIN networks n ON n.host_id = p.host_id
WHERE p.state = 'open';

-- The latest row of each host, from the scan that looked at it last.
CREATE VIEW latest_hosts AS
SELECT * FROM hosts WHERE host_id IN (
    SELECT host_id FROM (
        SELECT h.host_id, row_number() OVER (
            PARTITION BY h.host_key ORDER BY coalesce(h.start_time, c.start_time) DESC, h.host_id DESC) AS place
        FROM hosts h LEFT JOIN scans c ON c.scan_id = h.scan_id)
    WHERE place = 1);

-- Open ports and services as of the latest scan of each host. A scan that looked at other ports hides the earlier ones:
-- `scanmill merge` knows which ports each scan covered.
CREATE VIEW latest_open_services AS
SELECT * FROM open_services WHERE host_id IN (SELECT host_id FROM latest_hosts);

-- First and last time at which each host was seen up, and in how many scans.
CREATE VIEW host_seen AS
SELECT
    h.host_key, max(h.ip) AS ip, min(coalesce(h.start_time, c.start_time)) AS first_seen,
    max(coalesce(h.end_time, h.start_time, c.start_time)) AS last_seen, count(DISTINCT h.scan_id) AS scans
FROM hosts h
LEFT JOIN scans c ON c.scan_id = h.scan_id
WHERE h.state = 'up'
GROUP BY h.host_key;

-- First and last time at which each port was open, and in how many scans.
CREATE VIEW open_port_seen AS
SELECT
    host_key, max(ip) AS ip, protocol, port, min(start_time) AS first_seen, max(start_time) AS last_seen,
    count(DISTINCT scan_id) AS scans
FROM open_services
GROUP BY host_key, protocol, port;

-- Certificates as of the latest scan of each host, and the days until they expire: add WHERE days_left < 30.
CREATE VIEW certificates_expiring AS
SELECT
    host_key, ip, hostname, protocol, port, service, tls_cn, tls_not_after,
    CAST(julianday(tls_not_after) - julianday('now') AS INTEGER) AS days_left
FROM latest_open_services
WHERE tls_not_after IS NOT NULL;
