"""The table of the dialects. A new one is a line here."""

from handlers.dialects.bigquery import BigQuery
from handlers.dialects.dialect import Dialect
from handlers.dialects.invocations import Invocations
from handlers.dialects.kserve import KServe
from handlers.dialects.open_inference import OpenInference
from handlers.dialects.plain import Plain
from handlers.dialects.vertex import Vertex

# The first one is what a body is of that says nothing else, at a path of no dialect.
# Where two are spoken at one address, the later one has it: Vertex AI's is what a deployment names.
DIALECTS: tuple[type[Dialect], ...] = (Plain, BigQuery, Invocations, OpenInference, KServe, Vertex)
