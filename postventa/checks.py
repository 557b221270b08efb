"""What makes settings unfit for production: `manage.py check --deploy` says so, each with what to do."""
