-- Printed by `scanmill schema`; not edited by hand.
--
-- Views of scanmill's tables for Spark 3.5 and later.
--
-- They read the tables or views scans, hosts, ports, services, scripts and os_matches. scan_date is a date in the time zone
-- of the session: SET spark.sql.session.timeZone = UTC. Differences from the table open_services: text of scripts keeps
-- \xNN, and cpe23 is null for a CPE with escaped characters or a packed edition.

-- One row per open port and service, with its host and scan: as the table of this name.
CREATE OR REPLACE TEMPORARY VIEW open_services AS
WITH titles AS (
    SELECT host_id, protocol, port, min_by(trim(get_json_object(data, '$.title')), script_index) AS http_title
    FROM scripts
    WHERE scope = 'port' AND name = 'http-title' AND trim(get_json_object(data, '$.title')) <> ''
    GROUP BY host_id, protocol, port
),
tls AS (
    SELECT host_id, protocol, port,
        min_by(certificate, script_index).tls_cn AS tls_cn,
        min_by(certificate, script_index).tls_not_after AS tls_not_after
    FROM (
        SELECT host_id, protocol, port, script_index, named_struct(
            'tls_cn', get_json_object(data, '$.subject.commonName'),
            'tls_not_after', try_to_timestamp(concat(left(get_json_object(data, '$.validity.notAfter'), 19), 'Z'))) AS certificate
        FROM scripts
        WHERE scope = 'port' AND name = 'ssl-cert' AND data LIKE '{%')
    GROUP BY host_id, protocol, port
),
ssh_keys AS (
    SELECT host_id, protocol, port, min_by(key.fingerprint, named_struct('script', script_index, 'rank',
        coalesce(nullif(array_position(array('ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'), key.type), 0), 4),
        'place', place)) AS ssh_hostkey_fp
    FROM (
        SELECT host_id, protocol, port, script_index, posexplode(from_json(data, 'ARRAY<STRUCT<type: STRING, fingerprint: STRING>>')) AS (place, key)
        FROM scripts
        WHERE scope = 'port' AND name = 'ssh-hostkey' AND data LIKE '[%')
    WHERE key.fingerprint IS NOT NULL
    GROUP BY host_id, protocol, port
),
os AS (
    SELECT host_id, min_by(name, named_struct('accuracy', -coalesce(accuracy, -1), 'place', match_index)) AS os_name
    FROM os_matches
    GROUP BY host_id
),
rows AS (
    SELECT
        p.host_id, p.protocol, p.port, p.state, p.scan_id, h.host_key, h.ip, h.hostname, h.mac, h.mac_vendor,
        CASE
            WHEN h.ip_bytes IS NULL THEN NULL
            WHEN h.ip LIKE '%:%' THEN rtrim(':', regexp_replace(lower(hex(h.ip_bytes)), '(....)', '$1:'))
            ELSE array_join(transform(split(h.ip, '[.]'), part -> lpad(part, 3, '0')), '.')
        END AS ip_sort,
        coalesce(p.start_time, h.start_time, c.start_time) AS start_time, c.start_time AS scan_start,
        coalesce(s.service_index, 0) AS service_index,
        s.name AS service, s.product, s.version, s.extra_info, s.tunnel,
        coalesce(get(filter(s.cpes, cpe -> cpe LIKE 'cpe:/a:%'), 0), get(s.cpes, 0)) AS cpe
    FROM ports p
    JOIN hosts h ON h.host_id = p.host_id
    LEFT JOIN scans c ON c.scan_id = p.scan_id
    LEFT JOIN services s ON s.host_id = p.host_id AND s.protocol = p.protocol AND s.port = p.port
    WHERE p.state = 'open'
)
SELECT
    CAST(CAST(coalesce(r.scan_start, r.start_time) AS DATE) AS STRING) AS scan_date,
    r.start_time, r.host_key, r.ip, r.ip_sort,
    CASE
        WHEN r.ip_sort IS NULL THEN NULL
        WHEN r.ip LIKE '%:%' THEN concat(ltrim(':', regexp_replace(regexp_replace(
            concat(':', left(r.ip_sort, 19)), ':0{1,3}', ':'), '(:0)+$', '')), '::/64')
        ELSE regexp_replace(r.ip, '[0-9]+$', '0/24')
    END AS subnet,
    r.hostname, r.mac, r.mac_vendor, os.os_name, r.protocol, r.port, r.state, r.service, r.product, r.version,
    concat(array_join(transform(regexp_extract_all(r.version, '([0-9]+|\\p{L}+)', 1), part -> CASE
        WHEN part RLIKE '^[0-9]' THEN concat(lpad(CAST(length(ltrim('0', part)) AS STRING), 2, '0'), ltrim('0', part))
        WHEN lower(part) IN ('alpha', 'beta', 'dev', 'pre', 'preview', 'rc', 'snapshot') THEN concat('-', lower(part))
        ELSE concat('/', lower(part))
    END), ''), '.') AS version_key,
    r.extra_info, r.tunnel, r.cpe,
    CASE WHEN r.cpe RLIKE '^cpe:/[aoh](:[^:%~]*){0,6}$' THEN concat('cpe:2.3:', array_join(transform(
        slice(concat(split(substr(r.cpe, 6), ':'), array('', '', '', '', '', '')), 1, 7), part -> CASE
            WHEN part = '' THEN '*' WHEN part = '-' THEN '-'
            ELSE regexp_replace(lower(part), '([^a-z0-9._-])', '\\\\$1')
        END), ':'), ':*:*:*:*') END AS cpe23,
    t.http_title, x.tls_cn, x.tls_not_after, k.ssh_hostkey_fp, r.service_index, r.scan_id, r.host_id
FROM rows r
LEFT JOIN os ON os.host_id = r.host_id
LEFT JOIN titles t ON t.host_id = r.host_id AND t.protocol = r.protocol AND t.port = r.port
LEFT JOIN tls x ON x.host_id = r.host_id AND x.protocol = r.protocol AND x.port = r.port
LEFT JOIN ssh_keys k ON k.host_id = r.host_id AND k.protocol = r.protocol AND k.port = r.port;

-- The latest row of each host, from the scan that looked at it last.
CREATE OR REPLACE TEMPORARY VIEW latest_hosts AS
SELECT h.* FROM hosts h
JOIN (
    SELECT h.host_id, row_number() OVER (
        PARTITION BY h.host_key ORDER BY coalesce(h.start_time, c.start_time) DESC NULLS LAST, h.host_id DESC) AS place
    FROM hosts h LEFT JOIN scans c ON c.scan_id = h.scan_id) l
ON l.host_id = h.host_id AND l.place = 1;

-- Open ports and services as of the latest scan of each host. A scan that looked at other ports hides the earlier ones:
-- `scanmill merge` knows which ports each scan covered.
CREATE OR REPLACE TEMPORARY VIEW latest_open_services AS
SELECT o.* FROM open_services o LEFT SEMI JOIN latest_hosts l ON l.host_id = o.host_id;

-- First and last time at which each host was seen up, and in how many scans.
CREATE OR REPLACE TEMPORARY VIEW host_seen AS
SELECT
    h.host_key, max(h.ip) AS ip, min(coalesce(h.start_time, c.start_time)) AS first_seen,
    max(coalesce(h.end_time, h.start_time, c.start_time)) AS last_seen, count(DISTINCT h.scan_id) AS scans
FROM hosts h
LEFT JOIN scans c ON c.scan_id = h.scan_id
WHERE h.state = 'up'
GROUP BY h.host_key;

-- First and last time at which each port was open, and in how many scans.
CREATE OR REPLACE TEMPORARY VIEW open_port_seen AS
SELECT
    host_key, max(ip) AS ip, protocol, port, min(start_time) AS first_seen, max(start_time) AS last_seen,
    count(DISTINCT scan_id) AS scans
FROM open_services
GROUP BY host_key, protocol, port;

-- Certificates as of the latest scan of each host, and the days until they expire: add WHERE days_left < 30.
CREATE OR REPLACE TEMPORARY VIEW certificates_expiring AS
SELECT
    host_key, ip, hostname, protocol, port, service, tls_cn, tls_not_after,
    datediff(tls_not_after, current_timestamp()) AS days_left
FROM latest_open_services
WHERE tls_not_after IS NOT NULL;
