"""Read what landed jobs have written to their sinks, for people: rows of PostgreSQL by a role that cannot write, records of Kafka."""
