"""The Flask app that gunicorn serves on Cloud Run: the handlers, and the routes that only a container has."""

from flask import Flask

from handlers.service import Service, process_service
from predictor.environment import switch
from webapp.cli import group, version
from webapp.routes import routes_of


def create_app(service: Service | None = None) -> Flask:
    """Return the app that serves `service`, by default the process's own: the model of MODEL_DIR, loaded and proven."""
    service = service or process_service()
    app = Flask("webapp", static_folder=None)
    app.extensions["tandem"] = service
    app.register_blueprint(routes_of(service))
    app.cli.add_command(group)
    app.cli.add_command(version)
    if switch("METRICS"):
        from webapp.metrics import count_requests  # off, metrics cost neither an import nor a request anything

        count_requests(app, service)
    return app
