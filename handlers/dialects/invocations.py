"""The one address of MLflow's scoring server and of SageMaker's containers: JSON in six forms, and CSV.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/ and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Request, Response
from werkzeug.datastructures import Headers, MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from handlers.answers import Predictions, labelled
from handlers.dialects.asked import Asked, options_of
from handlers.dialects.csv_rows import read_csv, read_numbers, write_csv
from handlers.dialects.describe import TEXT, answer_of, closed, posted
from handlers.dialects.dialect import Dialect, Get
from handlers.dialects.inputs import Given
from handlers.http import JSON
from handlers.responses import Problem, json_response
from predictor.columns import kind_of

CSV = "text/csv"
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
SPLIT = frozenset({"columns", "index", "data"})


class Invocations(Dialect):
    """POST /invocations, GET /ping."""

    name = "invocations"
    media_types = (JSON, CSV)
    nan_is_null = True  # as MLflow's client writes it

    @property
    def paths(self) -> Sequence[str]:
        """The address that both platforms name."""
        return ["/invocations"]

    @property
    def gets(self) -> Mapping[str, Get]:
        """Both platforms' health check; /version, for which MLflow's client asks, is the web app's own."""
        return {"/ping": self.ping}

    def ping(self, _: Request) -> Response:
        """Tell that the model still predicts its examples."""
        self.service.check_ready()
        return Response("\n", content_type=JSON)

    def json_of(self, body: bytes, headers: Headers) -> bytes:
        """Return the part of a body that is JSON."""
        return b"" if is_csv(headers) else body

    def read(self, body: bytes, headers: Headers) -> Asked:
        """Read CSV or JSON, whatever the body is said to be."""
        form = answer_form(headers)
        if is_csv(headers):
            frame = read_numbers(body, self.manifest, self.service.max_rows)
            if frame:
                return self.split(frame)._replace(options=form)
            cells = read_csv(body, self.manifest, self.service.max_rows)
            return Asked(columns=self.columns_of(cells), options=form)
        request = super().read(body, headers)
        if form == CSV:
            return request._replace(options=form)
        return request

    def read_document(self, document: Any) -> Asked:
        """Read one of MLflow's four forms, or the bare list of SageMaker's serializer."""
        if type(document) is list:
            return Asked({"instances": document}, options="list")
        if type(document) is not dict:
            raise Problem(422, f"send an object or a list of rows, not {kind_of(document)}")
        forms = [key for key in document if key in FORMS]
        if len(forms) != 1:
            raise Problem(422, f"send exactly one of {', '.join(FORMS)}")
        if unknown := [key for key in document if key not in FORMS and key != "params"]:
            raise Problem(422, f"{unknown[0]:.64} is not a key of this request; they are {', '.join(FORMS)}, params")
        wanted = options_of(document.get("params"), "params")
        return self.rows(forms[0], document[forms[0]])._replace(**wanted)

    def rows(self, form: str, rows: Any) -> Asked:
        """Return the rows of a form."""
        if form == "inputs" and type(rows) is dict:
            return Asked(columns=self.by_column(rows))
        return self.split(rows) if form == "dataframe_split" else Asked({"instances": rows})

    def split(self, frame: Any) -> Asked:
        """Return the rows of a data frame that names its columns once."""
        if type(frame) is not dict or "data" not in frame or not frame.keys() <= SPLIT:
            raise Problem(422, "dataframe_split must be an object with data, and may have columns and index")
        rows, columns = frame["data"], frame.get("columns", self.names)
        if columns == self.names or type(rows) is not list or not rows:
            return Asked({"instances": rows})
        if type(columns) is not list or any(type(name) is not str for name in columns):
            raise Problem(422, "dataframe_split.columns must be a list of names")
        if len(set(columns)) < len(columns):
            raise Problem(422, "dataframe_split.columns has a name twice")
        if set(map(type, rows)) != {list} or set(map(len, rows)) != {len(columns)}:
            wrong = (i for i, row in enumerate(rows) if type(row) is not list or len(row) != len(columns))
            raise Problem(422, f"row {next(wrong)}: must be a list of {len(columns)} values")
        cells = dict(zip(columns, zip(*rows, strict=True), strict=True))
        return Asked(columns=self.columns_of(cells))

    def by_column(self, cells: dict[str, Any]) -> Sequence[Given]:
        """Return the columns of a request that has a list for each."""
        for name, values in cells.items():
            if type(values) is not list:
                raise Problem(422, f"inputs.{name:.64} must be a list of values, not {kind_of(values)}")
        if len(lengths := set(map(len, cells.values()))) > 1:
            raise Problem(422, f"the lists of inputs must be of one length, not of {min(lengths)} and {max(lengths)}")
        return self.columns_of(cells)

    def write(self, predictions: Predictions, options: Any) -> Response:
        """Answer in the form that was asked for, by default an object with predictions."""
        if options == CSV and predictions.probabilities is predictions.scores is None:
            return Response(write_csv(predictions.outputs.tolist()), content_type="text/csv; charset=utf-8")
        outputs = labelled(self.manifest, predictions)
        if options == "list":
            return json_response(outputs)
        return json_response({"predictions": outputs, "model_version": self.manifest.version})

    def refuse(self, problem: Problem) -> Response:
        """Refuse in MLflow's form; SageMaker hands on whatever there is."""
        status = 400 if problem.status == 422 else problem.status
        code = "INVALID_PARAMETER_VALUE" if problem.status in {413, 422} else "BAD_REQUEST"
        if status >= 500:
            code = "INTERNAL_ERROR"
        return problem.reply({"error_code": code, "message": self.sentence(problem, "row {}")}, status)

    def openapi(self) -> Mapping[str, Any]:
        """Return what OpenAPI says of the addresses."""
        refusal = closed(error_code=TEXT, message=TEXT)
        row = self.manifest.examples[0]["features"]
        predict = posted(
            "invocations", "Predict, as MLflow and SageMaker", example={"instances": [row]},
            keys=[*FORMS, "params"], answer=answer_of(self.manifest), refusal=refusal, media_types=[CSV],
        )  # fmt: skip
        return {self.paths[0]: {"post": predict}}


def is_csv(headers: Headers) -> bool:
    """Whether a body is said to be CSV."""
    kind = headers.get("Content-Type")
    # The usual ones need not be taken apart.
    return kind == CSV or (kind != JSON and parse_options_header(kind)[0].lower() == CSV)


def answer_form(headers: Headers) -> str:
    """Return the media type of the answer that the caller likes best: JSON unless it says CSV."""
    accepted = headers.get("Accept", JSON)
    if accepted in {JSON, CSV, "*/*"}:
        return CSV if accepted == CSV else JSON
    return parse_accept_header(accepted, MIMEAccept).best_match([JSON, CSV], JSON) or JSON
