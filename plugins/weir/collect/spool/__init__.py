"""The durable spool of a collector: a log of segments on disk. It keeps each acknowledged line until Kafka has committed it."""
