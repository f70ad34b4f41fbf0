"""Airflow's faces over the service: thin, one per thing that people do."""
