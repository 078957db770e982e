"""Parse lines for the recount, in plain Python. Written from docs/formats.md alone: no parser is shared with the job, so that a mistake in
either shows as a difference. What a spec says of a format is shared data (`spark_jobs.formats.spec`).
"""
