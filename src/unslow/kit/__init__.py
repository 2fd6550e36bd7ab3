"""What an application ships: it measures, logs and profiles itself, in production too."""
