"""Runs the project for a person: the embedded engine and a real Airflow, started, used and ended with one command."""
