"""The Flask app that gunicorn serves on Cloud Run: the handlers, and the routes that only a container has."""

from flask import Flask

from handlers.service import service
from webapp.cli import group
from webapp.routes import blueprint


def create_app() -> Flask:
    """Return the app, with the model of MODEL_DIR loaded and proven."""
    service()
    app = Flask("webapp", static_folder=None)
    app.register_blueprint(blueprint)
    app.cli.add_command(group)
    return app
