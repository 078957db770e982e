"""The jobs of spark_jobs/catalogue on real servers, from their real source to their real sink, with kills in the middle."""

from tests.conftest import PROJECT

CATALOGUE = PROJECT / "spark_jobs" / "catalogue"
