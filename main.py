"""The entry point of the Cloud Function; the model is loaded and proven here, before the port opens."""

from handlers.logs import configure, drop_warning_filters
from handlers.predict import make
from handlers.service import process_service

__all__ = ["predict"]

configure()
predict = make(process_service())
drop_warning_filters()
