"""The durable spool of a collector: a log of segments on disk. What was acknowledged to a sender is in it until Kafka has committed it."""
