"""Demo: a real Airflow and the embedded engine, started, used and stopped with one command."""
