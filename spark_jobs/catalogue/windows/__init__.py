"""The windows and operations of docs/windows.md, each as a function from events to a result.

`python -m spark_jobs.catalogue.windows count_by_window socket://127.0.0.1:9999` runs one and prints what it gives.
"""
