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
    ("authentication failure; uid=0 tty=ssh ruser= rhost=host.example.com  user=root", "authentication failure; uid=* tty=* ruser= rhost=*  user=*"),
    ('level=error msg="refused" peer=node7 q="a b"', 'level=error msg="refused" peer=* q=*'),
    ("reverse mapping for ns.example.co.uk [1.2.3.4] failed", "reverse mapping for * [*] failed"),
    ("mail from bob+x@example.org via http://example.org/a?b=c", "mail from * via *"),
    ("com.example.v2.ConnectionError: java.io closed", "com.example.v2.ConnectionError: java.io closed"),
    ("connection from 24.5.7.1 () at Fri Jun  3 07:07:00 2005", "connection from * at *"),
    ("took 12 ms, 3.5 s and 4 KB; [1, 2, 3]", "took * and *; [*]"),
    ("sent 18846 bytes (18.4 KB), lifetime <1 sec", "sent *, lifetime *"),
    ("IPv6 is off, SHA-256 is on", "IPv6 is off, SHA-256 is on"),
    ('[unique_id "YkXq@cCoAQIAABBh7nQAAAAA"] [data "Matched <a b> in ARGS"] [msg "XSS Attack"]', '[unique_id "*"] [data "*"] [msg "XSS Attack"]'),
    ("", ""),
    ("*", "*"),
]
LONG = 64 * 1024
HOSTILE = [
    (part * LONG)[:LONG]
    for part in (
        *"a1 .:=-'\"</\\*@[(,\u00e9", "a.", "a.a@", "a:", "1:", "::", "a=", "a='", "a=\"", "' ", "'a", "* ", "*, ", "* (", "a-", "-a", "A1:", "a.A",
        "user ", "user '", "invalid user ", "password for ", "Jun ", "Mon, ", "1 KB, ", "a://", "[data \"", "\U0001f600", "\x00", "\r\n", "<1", "aa.de",
    )
]  # fmt: skip
