"""The REST service: what commands print as JSON, over http. It knows nothing of Airflow; who may is told to it."""
