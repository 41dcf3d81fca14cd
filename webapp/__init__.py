"""The Flask app that gunicorn serves on Cloud Run: the handlers, and the routes that only a container has."""

from typing import Any

from flask import Flask

from handlers.predict import predict
from handlers.service import service
from predictor.environment import switch
from webapp.cli import group, version
from webapp.routes import blueprint


class App(Flask):
    """Flask, with a short way to the address that is asked all day."""

    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        """Call the handler of /predict without Flask's routing, contexts, session and signals, a third of its cost.

        It needs none of them, as it runs as a Cloud Function, too. A hook that wants to see every request does.
        """
        if environ["PATH_INFO"] != "/predict" or self.before_request_funcs or self.after_request_funcs:
            return super().wsgi_app(environ, start_response)
        # A request that stood in its own environ would be a cycle, which only the garbage collector can free.
        response = predict(self.request_class(environ, populate_request=False))
        if response.status_code != 200:
            return response(environ, start_response)
        # Whole, with final headers: of what werkzeug looks for in a response to correct it, there is nothing.
        start_response(response.status, response.headers.to_wsgi_list())
        return response.response


def create_app() -> Flask:
    """Return the app, with the model of MODEL_DIR loaded and proven."""
    service()
    app = App("webapp", static_folder=None)
    app.register_blueprint(blueprint)
    app.cli.add_command(group)
    app.cli.add_command(version)
    if switch("METRICS"):
        from webapp.metrics import count_requests  # off, metrics cost neither an import nor a request anything

        count_requests(app)
    return app
