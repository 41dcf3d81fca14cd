"""Functions from a Flask request to a Flask response; each is a view of the web app and a Cloud Function."""
