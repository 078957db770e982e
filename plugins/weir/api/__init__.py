"""The REST service: what commands print as JSON, over HTTP. It does not import Airflow; its caller provides authentication."""
