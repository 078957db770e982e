"""`weir collect`: take lines from senders, put them on disk, and send them to Kafka.

Once a line is on disk, it is acknowledged to its sender, if the protocol has acknowledgements. It is then sent to Kafka in a transaction
that also commits the position in the spool. `spool` is the log on disk, `senders` has the protocols.
"""
