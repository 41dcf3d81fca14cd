"""The Flask app that gunicorn serves on Cloud Run: the handlers, and the routes that only a container has."""

from flask import Flask

from handlers.service import service
from predictor.environment import switch
from webapp.cli import group
from webapp.routes import blueprint


def create_app() -> Flask:
    """Return the app, with the model of MODEL_DIR loaded and proven."""
    service()
    app = Flask("webapp", static_folder=None)
    app.register_blueprint(blueprint)
    app.cli.add_command(group)
    if switch("METRICS"):
        from webapp.metrics import count_requests  # off, metrics cost neither an import nor a request anything

        count_requests(app)
    return app
