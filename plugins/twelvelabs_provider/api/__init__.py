"""The service as values: calls, models, errors and retry arithmetic; no Airflow and no I/O."""
