"""`weir collect`: take lines from senders, put them on disk, and send them to Kafka.

A line is acknowledged to its sender, where the protocol can do that, once it is on disk. It is then sent to Kafka in a transaction that
also commits how far the spool was sent. `spool` is the log on disk, `senders` has the protocols.
"""
