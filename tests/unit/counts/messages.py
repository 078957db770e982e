"""Messages with their signatures, by what they show; and hostile ones."""

from __future__ import annotations

VECTORS = [
    ("mod_jk child workerEnv in error state 6", "mod_jk child workerEnv in error state *"),
    ("Directory index forbidden by rule: /home/raj/", "Directory index forbidden by rule: *"),
    ("jk2_init() Found child 6725 in scoreboard slot 10", "jk2_init() Found child * in scoreboard slot *"),
    ("workerEnv.init() ok /etc/httpd/conf/workers2.properties", "workerEnv.init() ok *"),
    ("AH01630: client denied by server configuration: /var/www", "AH01630: client denied by server configuration: *"),
    ("ORA-00942: table or view does not exist", "ORA-00942: table or view does not exist"),
    ("(13)Permission denied: [client ::1:5] and/or x86_64", "(*)Permission denied: [client *] and/or *"),
    ("from 2001:db8::1 to 10.1.2.3:443, fe80::1%eth0", "from * to *"),
    ("from [dead:beef:cafe::1]:22 and ::1", "from [*]:* and *"),
    ("link aa:bb:cc:dd:ee:01 up", "link * up"),
    ("at 0x7ffe1234 (deadbeef) deadbeef1", "at * (deadbeef) *"),
    ("C:\\inetpub\\x.asp failed -1 times, 50%", "* failed * times, *%"),
    ("caf\u00e95 \u4e2d1\u4e2d", "caf\u00e9* \u4e2d*\u4e2d"),
    ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301, c0ffee00-dead-beef", "id *"),
    ("Received block blk_-4411589101766563890 of size 67108864 from /10.250.14.38", "Received block * of size * from *"),
    ("user bob not found: /admin", "user * not found: *"),
    ('user o\'brien: authentication failure for "/a": Password Mismatch', 'user *: authentication failure for "*": Password Mismatch'),
    ("check pass; user unknown", "check pass; user unknown"),
    ("Access denied for user 'bob smith'@'db1' (using password: YES)", "Access denied for user '*'@'*' (using password: YES)"),
    ("Failed password for invalid user admin from 1.2.3.4 port 22", "Failed password for invalid user * from * port *"),
    ("Invalid user  from 1.2.3.4", "Invalid user * from *"),
    ("Failed password for root from 1.2.3.4 port 22", "Failed password for * from * port *"),
    (
        "authentication failure; uid=0 tty=ssh ruser= rhost=host.example.com  user=root",
        "authentication failure; uid=* tty=* ruser= rhost=*  user=*",
    ),
    ('level=error msg="refused" peer=node7 q="a b"', 'level=error msg="refused" peer=* q=*'),
    ("reverse mapping for ns.example.co.uk [1.2.3.4] failed", "reverse mapping for * [*] failed"),
    ("mail from bob+x@example.org via http://example.org/a?b=c", "mail from * via *"),
    ("com.example.v2.ConnectionError: java.io closed", "com.example.v2.ConnectionError: java.io closed"),
    ("connection from 24.5.7.1 () at Fri Jun  3 07:07:00 2005", "connection from * at *"),
    ("took 12 ms, 3.5 s and 4 KB; [1, 2, 3]", "took * and *; [*]"),
    ("sent 18846 bytes (18.4 KB), lifetime <1 sec", "sent *, lifetime *"),
    ("IPv6 is off, SHA-256 is on", "IPv6 is off, SHA-256 is on"),
    (
        '[unique_id "YkXq@cCoAQIAABBh7nQAAAAA"] [data "Matched <a b> in ARGS"] [msg "XSS Attack"]',
        '[unique_id "*"] [data "*"] [msg "XSS Attack"]',
    ),
    ("", ""),
    ("*", "*"),
]
LONG = 64 * 1024
HOSTILE = [
    (part * LONG)[:LONG]
    for part in (
        *"a1 .:=-'\"</\\*@[(,\u00e9",
        *("a.", "a.a@", "a:", "1:", "::", "a=", "a='", 'a="', "' ", "'a", "* ", "*, ", "* (", "a-", "-a", "A1:", "a.A", "a://", "<1"),
        *("user ", "user '", "invalid user ", "password for ", "Jun ", "Mon, ", "1 KB, ", '[data "', "\U0001f600", "\x00", "\r\n"),
    )
]  # fmt: skip

# Written for this test: messages of eight kinds of systems, each list one kind to a person.
GROUPS = {
    "web server": [
        ["File does not exist: /var/www/a.php", "File does not exist: /srv/x/favicon.ico"],
        ["script '/var/www/x.php' not found or unable to stat", "script '/srv/y.cgi' not found or unable to stat"],
        ["AH00898: Error reading from remote server returned by /a", "AH00898: Error reading from remote server returned by /b/c"],
        [
            "AH01102: error reading status line from remote server 10.0.0.1:80",
            "AH01102: error reading status line from remote server app.example.com:8080",
        ],
    ],
    "file system": [
        ["Received block blk_12 of size 67108864 from /10.0.0.1", "Received block blk_-99 of size 91178 from /10.0.0.2"],
        ["10.0.0.1:50010 Served block blk_1 to /10.0.0.2", "10.0.0.7:50010 Served block blk_-2 to /10.0.0.9"],
        ["ask 10.0.0.1:50010 to delete  blk_1", "ask 10.0.0.2:50010 to delete  blk_1 blk_-2 blk_3"],
        ["Verification succeeded for blk_5", "Verification succeeded for blk_-6"],
    ],
    "login": [
        ["Invalid user bob from 1.2.3.4", "Invalid user  from 1.2.3.4", "Invalid user 0 from 5.6.7.8"],
        ["Failed password for root from 1.2.3.4 port 22 ssh2", "Failed password for alice from 1.2.3.5 port 2222 ssh2"],
        ["session opened for user cyrus by (uid=0)", "session opened for user news by (uid=0)"],
        ["session closed for user cyrus", "session closed for user news"],
        [
            "reverse mapping checking getaddrinfo for a.example.com [1.2.3.4] failed",
            "reverse mapping checking getaddrinfo for h-1.isp.co.uk [1.2.3.5] failed",
        ],
        ["connection from 1.2.3.4 (a.example.com) at Fri Jun 17 07:07:00 2005", "connection from 1.2.3.5 () at Sun Jul  3 10:05:25 2005"],
    ],
    "compute": [
        [
            "Block rdd_2_3 stored as bytes in memory (estimated size 8.8 KB, free 1.2 GB)",
            "Block broadcast_9_piece0 stored as bytes in memory (estimated size 384.0 B, free 14.0 KB)",
        ],
        ["Finished task 3.0 in stage 0.0 (TID 3). 2703 bytes result sent", "Finished task 11.1 in stage 12.0 (TID 99). 1 byte result sent"],
        ["attempt_201706_0024_m_000004_1026: Committed", "attempt_201706_0024_r_000001_1: Committed"],
        ["Lost executor 5 on mesos-slave-07: worker lost", "Lost executor 17 on mesos-slave-31: worker lost"],
        ["java.lang.OutOfMemoryError: Java heap space", "java.lang.OutOfMemoryError: Java heap space"],
        ["java.lang.OutOfMemoryError: Metaspace"],
    ],
    "coordination": [
        [
            "Closed socket connection for client /10.0.0.1:36401 which had sessionid 0x14ed93111f20005",
            "Closed socket connection for client /10.0.0.2:1 which had sessionid 0x24ed93111f20006",
        ],
        ["Connection broken for id 188978561024, my id = 1, error = ", "Connection broken for id 3, my id = 2, error = "],
        ["Interrupted while waiting for message on queue"],
    ],
    "kernel": [
        ["CPU0: Temperature above threshold", "CPU12: Temperature above threshold"],
        ["eth0: link down", "eth1: link down"],
        ["ACPI: Interpreter disabled."],
        ["BIOS-e820: 0000000000000000 - 00000000000a0000 (usable)", "BIOS-e820: 0000000000100000 - 0000000007eae000 (usable)"],
        ["BIOS-e820: 00000000000f0000 - 0000000000100000 (reserved)"],
    ],
    "cloud": [
        [
            "[instance: b9000564-fe1a-409b-b8cc-1e88b294cd1d] Took 19.84 seconds to build instance.",
            "[instance: c562ef10-ba2d-48ae-bf4a-18666cba4a51] Took 1 second to build instance.",
        ],
        [
            '10.11.10.1 "GET /v2/54fadb412c4e40cd/servers HTTP/1.1" status: 200 len: 1893',
            '10.11.10.2 "GET /v3/x HTTP/1.0" status: 404 len: 1',
        ],
        ['10.11.10.1 "POST /v2/54fadb412c4e40cd/servers HTTP/1.1" status: 202 len: 733'],
        [
            "Creating event network-vif-plugged:e3871ffd-5cd5-4287-bddd-3529f7b59515 for instance a1",
            "Creating event network-vif-plugged:a208479c-c0e3-4730-a5a0-d75e8afd0252 for instance b2",
        ],
    ],
    "database": [
        ['duplicate key value violates unique constraint "users_pkey"', 'duplicate key value violates unique constraint "orders_id_key"'],
        ["ORA-00942: table or view does not exist"],
        ["ORA-00955: name is already used by an existing object"],
        [
            "Access denied for user 'app'@'10.0.0.1' (using password: YES)",
            "Access denied for user 'root'@'localhost' (using password: YES)",
        ],
        [
            "Got timeout reading communication packets, thread_id=12 db=shop",
            "Got timeout reading communication packets, thread_id=7 db=crm",
        ],
    ],
}
