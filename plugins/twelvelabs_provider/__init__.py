"""Apache Airflow provider for the TwelveLabs video-understanding API."""

__version__ = "0.1.0"
