"""The entry points of the Cloud Function; the model is loaded and proven here, before the port opens."""

from handlers.logs import configure, drop_warning_filters
from handlers.predict import predict
from handlers.service import service

__all__ = ["predict"]

configure()
service()
drop_warning_filters()
