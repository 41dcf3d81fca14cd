"""The Flask app that gunicorn serves on Cloud Run: the handlers, and the routes that only a container has."""

from typing import Any

from flask import Flask

from handlers.predict import predict
from handlers.service import service
from predictor.environment import switch
from webapp.cli import group
from webapp.routes import blueprint


class App(Flask):
    """Flask, with a short way to the address that is asked all day."""

    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        """Call the handler of /predict without Flask's routing, contexts, session and signals, a third of its cost.

        It needs none of them, as it runs as a Cloud Function, too. A hook that wants to see every request does.
        """
        if environ["PATH_INFO"] == "/predict" and not (self.before_request_funcs or self.after_request_funcs):
            return predict(self.request_class(environ))(environ, start_response)
        return super().wsgi_app(environ, start_response)


def create_app() -> Flask:
    """Return the app, with the model of MODEL_DIR loaded and proven."""
    service()
    app = App("webapp", static_folder=None)
    app.register_blueprint(blueprint)
    app.cli.add_command(group)
    if switch("METRICS"):
        from webapp.metrics import count_requests  # off, metrics cost neither an import nor a request anything

        count_requests(app)
    return app
