"""Weir: Airflow keeps Spark streams alive without harm, and their counts can be proven against the source."""
