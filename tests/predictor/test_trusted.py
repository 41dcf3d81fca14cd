"""What a pickle may name, call and fill: all that scikit-learn's estimators need, and nothing that does more."""

import importlib
import io
import pickle
import struct
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.utils.discovery import all_estimators

from predictor.artifact import ArtifactError
from predictor.pickled import unpickle
from predictor.trusted import CALLED, MADE, NAMED, TRUSTED, is_trusted, setting_for
from predictor.unpickler import RestrictedUnpickler
from servers.running import ROOT
from tests.predictor.stock_estimators import NUMBERS, X, every_estimator
from training.adopting.pickles import globals_of_untrusted, read_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def by_joblib(value: Any, protocol: int) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer, protocol=protocol)
    return buffer.getvalue()


def load(data: bytes) -> Any:
    return RestrictedUnpickler(io.BytesIO(data), is_trusted).load()


def test_every_estimator_is_made_of_trusted_names() -> None:
    """A failure names what to read, and then to add to predictor/trusted.py."""
    untrusted: dict[str, str] = {}
    classes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, estimator in every_estimator():
            classes.add(type(estimator).__name__)
            for protocol in PROTOCOLS:
                for data in (pickle.dumps(estimator, protocol), by_joblib(estimator, protocol)):
                    try:
                        assert type(load(data)) is type(estimator)
                    except pickle.UnpicklingError as error:
                        untrusted.setdefault(str(error), f"{name}, protocol {protocol}")
    assert untrusted == {}
    assert {name for name, _ in all_estimators()} <= classes


@pytest.mark.parametrize("compression", ["zlib", "gzip", "bz2", "lzma", "xz"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_compressed_files_are_read_alike(compression: str, protocol: int, tmp_path: Path) -> None:
    estimator = RandomForestRegressor(2, random_state=0).fit(X, NUMBERS)
    joblib.dump(estimator, tmp_path / "m.pkl", compress=(compression, 3), protocol=protocol)
    data = read_pickle(tmp_path / "m.pkl")
    assert [name for name in globals_of_untrusted(data) if not is_trusted(name)] == []
    np.testing.assert_array_equal(load(data).predict(X), estimator.predict(X))


# What another NumPy or SciPy than this one has: NumPy 1, and SciPy 1.17 (for Python 3.11) or 1.18.
ELSEWHERE = ("numpy.core.", "scipy._lib.array_api_compat.", "scipy.interpolate._bsplines")


@pytest.mark.parametrize("table", [MADE, CALLED, NAMED], ids=["made", "called", "named"])
def test_every_trusted_name_is_there(table: dict[str, str]) -> None:
    for module, names in table.items():
        if not module.startswith(ELSEWHERE):
            there = importlib.import_module(module)
            assert [name for name in names.split() if not hasattr(there, name)] == []


def test_a_name_has_one_use() -> None:
    called, made, named = ({(m, n) for m, names in t.items() for n in names.split()} for t in (CALLED, MADE, NAMED))
    assert not called & made
    assert not called & named
    assert not made & named


# Modules and names that scanners of pickles warn of: fickling 0.1.12 (fickle.py UNSAFE_IMPORTS, analysis.py) and
# picklescan 1.0.5 (scanner.py _unsafe_globals); and others of these packages that open, load or call.
DANGEROUS_MODULES = [
    "__builtin__",
    "__builtins__",
    "os",
    "posix",
    "nt",
    "subprocess",
    "sys",
    "pty",
    "commands",
    "multiprocessing",
    "_posixsubprocess",
    "code",
    "codeop",
    "runpy",
    "marshal",
    "types",
    "compile",
    "exec",
    "eval",
    "doctest",
    "importlib",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "_imp",
    "pkgutil",
    "zipimport",
    "gc",
    "site",
    "unittest",
    "inspect",
    "test",
    "_operator",
    "operator",
    "cProfile",
    "profile",
    "pdb",
    "bdb",
    "timeit",
    "trace",
    "socket",
    "ssl",
    "httplib",
    "http",
    "urllib",
    "urllib2",
    "requests",
    "aiohttp",
    "asyncio",
    "webbrowser",
    "smtplib",
    "imaplib",
    "ftplib",
    "poplib",
    "telnetlib",
    "nntplib",
    "ctypes",
    "_ctypes",
    "pickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "shutil",
    "tempfile",
    "filecmp",
    "distutils",
    "pydoc",
    "pexpect",
    "venv",
    "ensurepip",
    "pip",
    "idlelib",
    "lib2to3",
    "socketserver",
    "xmlrpc",
    "signal",
    "_signal",
    "threading",
    "_thread",
    "atexit",
    "sqlite3",
    "_sqlite3",
    "fileinput",
    "glob",
    "platform",
    "linecache",
    "difflib",
    "compileall",
    "py_compile",
    "mmap",
    "select",
    "selectors",
    "logging",
    "syslog",
    "tarfile",
    "zipfile",
    "shelve",
    "uuid",
    "_osx_support",
    "_aix_support",
    "_pyrepl",
    "_io",
    "io",
    "torch",
    "numpy.f2py",
    "numpy.distutils",
    "numpy.testing",
    "numpy.lib",
    "numpy.ctypeslib",
    "numpy.memmap",
    "scipy.stats",
    "scipy.io",
    "joblib.memory",
    "joblib.parallel",
    "joblib.externals",
    "joblib.compressor",
    "joblib.numpy_pickle_compat",
    "sklearn.datasets",
    "sklearn.externals",
    "sklearn.utils.fixes",
    "sklearn.utils.parallel",
    "matplotlib",
]
DANGEROUS_NAMES = [
    "builtins:eval",
    "builtins:exec",
    "builtins:compile",
    "builtins:open",
    "builtins:__import__",
    "builtins:setattr",
    "builtins:delattr",
    "builtins:globals",
    "builtins:locals",
    "builtins:vars",
    "builtins:input",
    "builtins:breakpoint",
    "builtins:memoryview",
    "builtins:type",
    "builtins:apply",
    "builtins:map",
    "builtins:filter",
    "functools:reduce",
    "functools:partialmethod",
    "functools:singledispatch",
    "functools:cached_property",
    "copyreg:add_extension",
    "copyreg:pickle",
    "copyreg:_slotnames",
    "codecs:open",
    "_codecs:lookup",
    "_codecs:register",
    "numpy:load",
    "numpy:save",
    "numpy:memmap",
    "numpy:fromfile",
    "numpy:loadtxt",
    "numpy:genfromtxt",
    "numpy:vectorize",
    "numpy:frompyfunc",
    "numpy:apply_along_axis",
    "numpy:fromfunction",
    "numpy:DataSource",
    "numpy:record",
    "numpy:set_printoptions",
    "joblib:load",
    "joblib:dump",
    "joblib:Memory",
    "joblib.numpy_pickle:load",
    "joblib.numpy_pickle:NDArrayWrapper",
    "joblib.numpy_pickle:ZNDArrayWrapper",
    "joblib.numpy_pickle:NumpyUnpickler",
    "pandas:read_pickle",
    "pandas:read_csv",
    "pandas:eval",
    "pandas.io.common:get_handle",
    "pandas.core.computation.eval:eval",
    "scipy.stats._distn_infrastructure:rv_frozen",
    "scipy.stats._continuous_distns:uniform_gen",
    "sklearn:show_versions",
    "sklearn.base:clone",
    "sklearn.utils:check_array",
    "sklearn.utils._metadata_requests:process_routing",
    "sklearn.metrics._dist_metrics:PyFuncDistance64",
    "sklearn.metrics._dist_metrics:PyFuncDistance32",
]


def test_what_others_warn_of_is_not_trusted() -> None:
    modules = {name.partition(":")[0] for name in TRUSTED}
    assert [one for one in DANGEROUS_MODULES for m in modules if m == one or m.startswith(f"{one}.")] == []
    assert [name for name in DANGEROUS_NAMES if name in TRUSTED] == []
    # fickling distrusts these modules as a whole; of them, nothing else is trusted.
    assert {name for name in TRUSTED if name.startswith(("functools:", "joblib"))} == {
        "functools:partial",
        "joblib.numpy_pickle:NumpyArrayWrapper",
    }


@pytest.mark.parametrize(
    ("names", "setting"),
    [
        (["lightgbm.sklearn:LGBMRegressor", "lightgbm.basic:Booster", "collections:OrderedDict"], "lightgbm"),
        (["numpy:nan_to_num", "mine.parts:Step"], "mine,numpy"),
        (["numpy.lib._function_base_impl:diff"], "numpy.lib._function_base_impl"),
        (["posix:system"], "posix"),
    ],
)
def test_the_setting_trusts_no_more_than_it_must(names: list[str], setting: str) -> None:
    assert setting_for(names) == setting
    assert all(is_trusted(name, setting.split(",")) for name in names)


def op(*parts: Any) -> bytes:
    """Return a pickle of protocol 4 of opcodes and texts."""
    return b"\x80\x04" + b"".join(
        part if isinstance(part, bytes) else pickle.SHORT_BINUNICODE + bytes([len(part)]) + part.encode()
        for part in parts
    )


def named(name: str) -> bytes:
    module, _, attribute = name.partition(":")
    return op(module, attribute)[2:] + pickle.STACK_GLOBAL


def value(one: Any) -> bytes:
    return pickle.dumps(one, 4).split(b"\x95", 1)[-1][8:-1] if one is not None else b"N"


def binary(data: bytes) -> bytes:
    return pickle.BINBYTES + struct.pack("<I", len(data)) + data


LINEAR = named("sklearn.linear_model._base:LinearRegression")
TFIDF = named("sklearn.feature_extraction.text:TfidfVectorizer")
STACKING = named("sklearn.ensemble._stacking:StackingRegressor")
DTYPE = named("numpy:dtype")
PARTIAL = named("functools:partial")
CHECK_ARRAY = named("sklearn.utils.validation:check_array")
ARRAY = named("numpy._core.multiarray:_reconstruct") + named("numpy:ndarray") + value((0,)) + binary(b"b") + b"\x87R"
OBJECTS = DTYPE + op("O8")[2:] + b"\x89\x88\x87R"
NUMBER = pickle.LONG1 + b"\x06" + (10**12).to_bytes(6, "little")
RANGE = named("builtins:range") + NUMBER + b"\x85R"

HOSTILE: dict[str, tuple[bytes, str]] = {
    "a class is called": (LINEAR + b")R", "call sklearn.linear_model._base:LinearRegression"),
    "a class is called as by INST": (b"(isklearn.linear_model._base\nLinearRegression\n", "call sklearn.linear_model"),
    "a class is called as by OBJ": (b"(" + LINEAR + b"o", "call sklearn.linear_model._base:LinearRegression"),
    "a function is called": (named("sklearn.feature_selection._univariate_selection:chi2") + b")R", "call sklearn"),
    "what was made is called": (LINEAR + b")\x81)R", "call LinearRegression"),
    "what was made is made": (LINEAR + b")\x81)\x81", "make a LinearRegression, which"),
    "a function is made": (CHECK_ARRAY + b")\x81", "make a check_array"),
    "an array is made of bytes": (named("numpy:ndarray") + value((1,)) + b"\x85\x81", "make a ndarray"),
    "with keywords": (LINEAR + b")}\x92", "make an object with keywords"),
    "a class is changed": (LINEAR + b"N" + op("predict")[2:] + LINEAR + b"s\x86b", "fill a NoneType"),
    "attributes of a class are set": (
        LINEAR + b"N}" + op("predict")[2:] + b"Ns\x86b",
        "change sklearn.linear_model._base",
    ),
    "a function is changed": (CHECK_ARRAY + b"}" + op("x")[2:] + b"Nsb", "change sklearn.utils.validation:check_array"),
    "a singleton is changed": (named("pandas:NA") + b"}b", "change pandas:NA"),
    "attributes are set one by one": (LINEAR + b")\x81N}" + op("x")[2:] + b"Ns\x86b", "cannot be loaded"),
    "attributes of an object without a way of its own are set one by one": (
        named("sklearn._loss.link:IdentityLink") + b")\x81N}" + op("x")[2:] + b"Ns\x86b",
        "give a IdentityLink an unusual state",
    ),
    "a partial of another function": (PARTIAL + named("numpy:mean") + b"\x85R", "make a partial of another function"),
    "a partial that is turned": (
        PARTIAL + CHECK_ARRAY + b"\x85R(" + LINEAR + b")}Ntb",
        "give a partial an unusual state",
    ),
    "a default that is made": (named("collections:defaultdict") + LINEAR + b"\x85R", "make an unusual defaultdict"),
    "getattr": (named("builtins:getattr") + LINEAR + op("fit")[2:] + b"\x86R", "read an attribute"),
    "getattr of a private one": (
        named("builtins:getattr") + LINEAR + b")\x81" + op("__class__")[2:] + b"\x86R",
        "read an attribute",
    ),
    "another base": (
        named("copyreg:_reconstructor") + TFIDF + TFIDF + op("filename")[2:] + b"\x87R",
        "make an object of another base",
    ),
    "a bit generator of any class": (
        named("numpy.random._pickle:__bit_generator_ctor") + LINEAR + b"\x85R",
        "make an unusual bit generator",
    ),
    "a set of a range": (named("builtins:set") + RANGE + b"\x85R", "make an unusual set"),
    "a frozen set of a range": (named("builtins:frozenset") + RANGE + b"\x85R", "make an unusual frozenset"),
    "so many bytes": (named("builtins:bytes") + NUMBER + b"\x85R", "make an unusual bytes"),
    "so many bytes that can be changed": (
        named("builtins:bytearray") + NUMBER + b"\x85R",
        "make an unusual bytearray",
    ),
    "a list of a range": (
        named("copyreg:_reconstructor") + named("builtins:list") * 2 + RANGE + b"\x87R",
        "make an object of another base",
    ),
    "another codec": (named("_codecs:encode") + op("x", "rot13")[2:] + b"\x86R", "encode a text"),
    "a masked array of any class": (
        named("numpy.ma.core:_mareconstruct")
        + b"("
        + LINEAR
        + named("numpy:ndarray")
        + value((0,))
        + op("b")[2:]
        + b"tR",
        "make an unusual masked array",
    ),
    "an array of any class": (
        named("numpy._core.multiarray:_reconstruct") + LINEAR + value((0,)) + op("b")[2:] + b"\x87R",
        "make an unusual array",
    ),
    "an index of any class": (
        named("pandas.core.indexes.base:_new_Index") + LINEAR + b"}\x86R",
        "make an unusual pandas index",
    ),
    "a file that a request names": (
        TFIDF + b")\x81}" + op("input", "filename")[2:] + b"sb",
        "give a TfidfVectorizer an unusual state",
    ),
    "a method that writes": (
        STACKING + b")\x81}" + op("stack_method_")[2:] + b"]" + op("tofile")[2:] + b"asb",
        "give a StackingRegressor an unusual",
    ),
    "pointers from numbers": (
        OBJECTS + value((3, "|", None, None, None, -1, -1, 0)) + b"b",
        "give a ObjectDType an unusual",
    ),
    "pointers in fields": (
        DTYPE
        + op("V8")[2:]
        + b"\x89\x88\x87R(K\x03"
        + op("|")[2:]
        + b"N"
        + op("f")[2:]
        + b"\x85}"
        + op("f")[2:]
        + OBJECTS
        + b"K\x00\x86sK\x08K\x01K\x00tb",
        "give a VoidDType an unusual state",
    ),
    "fields beyond their end": (
        DTYPE
        + op("V4")[2:]
        + b"\x89\x88\x87R(K\x03"
        + op("|")[2:]
        + b"N"
        + op("f")[2:]
        + b"\x85}"
        + op("f")[2:]
        + DTYPE
        + op("f8")[2:]
        + b"\x89\x88\x87RKd\x86sK\x04K\x01K\x00tb",
        "give a VoidDType an unusual state",
    ),
    "a dtype from a description": (DTYPE + op("f8,O")[2:] + b"\x85R", "make an unusual dtype"),
    "an array that is filled again": (
        ARRAY
        + (filled := b"(K\x01K\x03\x85" + DTYPE + op("u1")[2:] + b"\x89\x88\x87R\x89" + binary(b"abc") + b"tb")
        + filled,
        "give a ndarray an unusual state",
    ),
    "values put into an array": (ARRAY + b"K\x00K\x01s", "fill a ndarray"),
    "values put into an estimator": (LINEAR + b")\x81K\x01a", "fill a LinearRegression"),
    "a registered extension": (b"\x82\x01", "unregistered extension code 1"),
    "a persistent id": (b"N\x51", "persistent"),
    "a buffer from outside": (b"\x97", "cannot be loaded"),
    "a distribution that would run its state": (
        named("scipy.stats._continuous_distns:uniform_gen") + b")\x81",
        "which its manifest does not list",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_unusual_use_of_trusted_names_is_refused(name: str) -> None:
    program, says = HOSTILE[name]
    with pytest.raises(ArtifactError) as refused:
        unpickle(b"\x80\x04" + program + b".", TRUSTED)
    assert f" {says}" in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_class_is_as_it_was_after_an_attempt_to_change_it() -> None:
    before = vars(LinearRegression).copy()
    for name in ("a class is changed", "attributes of a class are set", "attributes are set one by one"):
        with pytest.raises(ArtifactError):
            unpickle(b"\x80\x04" + HOSTILE[name][0] + b".", TRUSTED)
    assert vars(LinearRegression) == before


def test_a_list_that_names_methods_cannot_be_changed_afterwards() -> None:
    program = b"]q\x00" + STACKING + b")\x81}" + op("stack_method_")[2:] + b"h\x00sb0h\x00" + op("tofile")[2:] + b"a0"
    program = program.replace(b")\x81}", b")\x81q\x01}") + b"h\x01."
    assert unpickle(b"\x80\x04" + program, TRUSTED, any_version=True).stack_method_ == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_array_of_objects_is_read_by_the_same_list(protocol: int) -> None:
    class Gadget:
        def __reduce__(self) -> Any:
            return print, ("run",)

    for dumps in (pickle.dumps, by_joblib):
        data = dumps(np.array([LinearRegression(), Gadget()], dtype=object), protocol)  # type: ignore[operator]
        with pytest.raises(ArtifactError, match="the pickle wants to use builtins:print, which"):
            unpickle(data, TRUSTED)


# Run in a process of its own, since an audit hook stays for its life.
WATCHED = """
import sys
from pathlib import Path
import predictor.unpickler, sklearn.linear_model, sklearn.utils.validation, sklearn.ensemble, pandas
import sklearn.feature_extraction.text, tests.predictor.test_trusted as tests, training.adopting.pickles
from predictor.artifact import ArtifactError
from predictor.pickled import unpickle
from predictor.trusted import TRUSTED
from training import TrainingError
seen = []
def hook(event, arguments):
    if event in ("open", "exec", "compile", "os.system", "os.exec", "os.remove", "subprocess.Popen", "socket.connect"):
        seen.append((event, str(arguments)[:200]))
    if event == "import" and arguments[0] not in sys.modules:
        seen.append((event, arguments[0]))
names = [f"{m}:x" for m in tests.DANGEROUS_MODULES] + tests.DANGEROUS_NAMES
programs = [tests.named(name) + b")R" for name in names] + [program for program, _ in tests.HOSTILE.values()]
sys.addaudithook(hook)
for program in programs:
    try:
        unpickle(b"\\x80\\x04" + program + b".", TRUSTED)
    except ArtifactError:
        pass
    else:
        sys.exit(f"not refused: {program}")
    try:
        training.adopting.pickles.globals_of_untrusted(b"\\x80\\x04" + program + b".")
    except TrainingError:
        pass
print(len(programs), seen)
"""


def test_what_is_refused_or_listed_opens_imports_and_runs_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WATCHED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    count, seen = done.stdout.split(maxsplit=1)
    assert int(count) > 150
    assert seen == "[]\n"
