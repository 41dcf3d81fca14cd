"""Environment variables, typed: a value that cannot be used ends the start with one line that names it."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
USUAL_PORTS = {"http": "80", "https": "443"}


def whole_number(name: str, default: int, *, minimum: int = 1, environ: Mapping[str, str] = os.environ) -> int:
    """Return the variable `name` as an int of at least `minimum`; unset or empty means `default`."""
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= minimum):
        sys.exit(f"tandem: {name}={text!r} must be a whole number, {minimum} or more; unset, it is {default}")
    return int(text)


def model_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the artifact: MODEL_DIR, by default the project's root, whatever the working directory."""
    return Path(environ.get("MODEL_DIR") or Path(__file__).resolve().parent.parent)


def word(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the variable `name` without blanks around it; unset is empty."""
    return environ.get(name, "").strip()


def route(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the variable `name` as the path of an address; unset is empty."""
    text = word(name, environ)
    if text and not re.fullmatch(r"/[A-Za-z0-9/._~:@!$&'()*+,;=-]*", text):
        sys.exit(f"tandem: {name}={text!r} must be a path, as in /predict")
    return text


def switch(name: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the variable `name` is on: 1, not 0 or unset."""
    text = word(name, environ)
    if text not in {"", "0", "1"}:
        sys.exit(f"tandem: {name}={text!r} must be 0 or 1; unset, it is 0")
    return text == "1"


def batching(environ: Mapping[str, str] = os.environ) -> bool:
    """Return BATCHING: whether requests that wait for each other anyway may be predicted together."""
    text = word("BATCHING", environ) or "on"
    if text not in {"on", "off"}:
        sys.exit(f"tandem: BATCHING={text!r} must be on or off; unset, it is on")
    return text == "on"


def engine(environ: Mapping[str, str] = os.environ) -> str:
    """Return ENGINE: "auto", the compiled model when the manifest lists one, or "sklearn"."""
    text = word("ENGINE", environ) or "auto"
    if text not in {"auto", "sklearn"}:
        sys.exit(f"tandem: ENGINE={text!r} must be auto or sklearn; unset, it is auto")
    return text


def origins(environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Return CORS_ORIGINS: the origins, separated by commas, whose pages may ask, or "*" alone for all."""
    named = frozenset(name.strip().lower() for name in word("CORS_ORIGINS", environ).split(",") if name.strip())
    if "*" in named and len(named) > 1:
        sys.exit("tandem: CORS_ORIGINS has * beside others; it is * alone, for every origin, or a list of origins")
    for name in named - {"*"}:
        if fault := fault_of_origin(name):
            sys.exit(
                f"tandem: CORS_ORIGINS names {name!r}, {fault}; it must be origins "
                "separated by commas, as in CORS_ORIGINS=https://app.example.com, or *; unset, it is none"
            )
    return named


def fault_of_origin(name: str) -> str:
    """Return why no browser sends this as a page's origin (RFC 6454, section 6.2); empty when one does."""
    match = ORIGIN.fullmatch(name)
    if match is None:
        return "which is no origin (scheme://host or scheme://host:port, without a path)"
    scheme, port = match["scheme"], match["port"]
    if port and int(port) > 65535:
        return "whose port is none"
    return f"but browsers leave out :{port}" if port and port == USUAL_PORTS.get(scheme) else ""


def trusted_modules(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return TRUSTED_MODULES: names of modules, separated by commas, whose contents a pickle may name."""
    names = [name.strip() for name in word("TRUSTED_MODULES", environ).split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name):
            sys.exit(
                f"tandem: TRUSTED_MODULES names {name!r}, which is no module; "
                "it must be names separated by commas, as in TRUSTED_MODULES=lightgbm,mine.parts; unset, it is none"
            )
    return tuple(names)
