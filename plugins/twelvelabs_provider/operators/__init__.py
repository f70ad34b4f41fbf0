"""Airflow operators for the TwelveLabs API."""
