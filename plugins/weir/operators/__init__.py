"""Airflow's side of Weir: thin tasks, each one call of the manager deep. Airflow may be imported here and in weir.triggers only."""
