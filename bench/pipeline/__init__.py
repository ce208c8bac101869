"""What everything around the picture costs, beside Celery with Redis on the same cores."""
