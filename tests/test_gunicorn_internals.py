"""The table of what of gunicorn's workers is touched, in the docstring of `worker`, is whole and true."""

import ast
import inspect
import re
import socket

import pytest
from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import get_parser
from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker

import worker
from servers.running import ROOT
from tests.workers import Driven

# Of what the parser of the lane returns, and of a thread: they are called as attributes of gunicorn's are.
OF_OTHERS = {"daemon"}
MODULES = ("deadline.py", "lane.py", "parsed.py", "startup.py")


@pytest.fixture(scope="module")
def gunicorn_names() -> set[str]:
    """Return the names of the attributes and methods of gunicorn's worker, connection, request, body and settings."""
    stock = Driven(ThreadWorker, None)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = TConn(Config(), ours, None, None)
        theirs.sendall(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        parser = get_parser(Config(), ours, ("127.0.0.1", 1))
        request: Request = next(parser)
        found = {
            name
            for one in (stock.worker, conn, parser, parser.unreader, request, request.body, request.body.reader)
            for name in {*dir(type(one)), *vars(one)}
        }
    stock.close()
    found |= {*dir(Config), *vars(Config()), *Config().settings, util.http_date.__name__}
    return {name for name in found if not name.startswith("__")}


def names_in(module: str) -> set[str]:
    """Return the names of attributes that a module reads or sets, and of the methods that it defines."""
    tree = ast.parse((ROOT / "worker" / module).read_text())
    methods = {part.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for part in node.body
               if isinstance(part, ast.FunctionDef)}  # fmt: skip
    return methods | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def names_in_the_table() -> set[str]:
    rows = [line.split("|")[1] for line in inspect.getdoc(worker).split("\n") if line.startswith("| ")][2:]  # type: ignore[union-attr]
    others = {"ThreadWorker", "TConn", "Request", "Parser", "Config", "util", "its", "or"}
    return set(re.findall(r"\w+", " ".join(rows))) - others


def test_the_table_names_all_that_is_touched(gunicorn_names: set[str]) -> None:
    touched = set().union(*map(names_in, MODULES)) & gunicorn_names
    assert touched - names_in_the_table() - OF_OTHERS == set()


def test_all_that_the_table_names_is_there_and_touched(gunicorn_names: set[str]) -> None:
    touched = set().union(*map(names_in, MODULES))
    assert names_in_the_table() - touched == set()
    assert names_in_the_table() - gunicorn_names == set()
