"""What Prometheus is told: a look at the fleet as metric families, and the collector that serves it."""
