"""Metrics for Prometheus: one check of the fleet as metric families, and the collector that serves them."""
