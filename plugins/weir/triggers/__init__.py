"""What Weir runs in Airflow's triggerer: waiting for a job to be ready, and the watch over the fleet."""
