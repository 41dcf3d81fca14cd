"""Taking the user's own modules into custom/: those whose classes and functions a pickle names."""

import ast
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from predictor import custom
from training import TrainingError
from training.adopting.proof import one_line

MAIN = "__main__"


@contextlib.contextmanager
def taken_in(files: Sequence[Path]) -> Iterator[None]:
    """Copy modules into custom/; what was copied is removed again when the adoption fails."""
    copied = []
    try:
        for file in files:
            data = checked(file)
            place = custom.FOLDER / file.name
            if not place.exists():
                custom.FOLDER.mkdir(exist_ok=True)
                place.write_bytes(data)
                copied.append(place)
                importlib.invalidate_caches()
            elif place.read_bytes() != data:
                raise TrainingError(f"custom/{file.name} is there and differs from --code {file}; rename yours")
        yield
    except BaseException:
        for place in copied:
            place.unlink()
            sys.modules.pop(place.stem, None)
        raise


def checked(file: Path) -> bytes:
    """Return the source of a module that can be taken in; TrainingError for any other."""
    try:
        data = file.read_bytes()
        ast.parse(data)
    except OSError as error:
        raise TrainingError(f"cannot read --code {file}: {error.strerror}; give a Python file") from None
    except (SyntaxError, ValueError) as error:
        raise TrainingError(f"--code {file} is no Python source: {one_line(error)}") from None
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise TrainingError(f"--code {file}: the name of a module is letters, digits and _, and its file's ends in .py")
    spec = importlib.util.find_spec(file.stem)
    is_this = spec is not None and spec.origin is not None and Path(spec.origin).resolve() == file.resolve()
    if spec is not None and not is_this and not custom.is_here(file.stem):
        raise TrainingError(
            f"--code {file}: a module {file.stem} is installed, and would be taken for it; rename yours"
        )
    return data


def check_modules(path: Path, named: Sequence[str], files: Sequence[Path]) -> None:
    """Refuse a pickle that names what no module here has, with what to do about it."""
    of_main = names_of_main(named)
    if of_main and not files:
        raise TrainingError(
            f"{path} names {', '.join(of_main)} of __main__, the script or notebook that wrote it: put the source into "
            "a file of its own and give that with --code FILE.py"
        )
    for module in dict.fromkeys(name.partition(":")[0] for name in named):
        top = module.partition(".")[0]
        if top != MAIN and importlib.util.find_spec(top) is None:
            how = f"copy the folder {top} into custom/" if "." in module else f"give its file with --code {top}.py"
            raise TrainingError(
                f"{path} names the module {module}, which is not installed; install its package, or {how}"
            )


def names_of_main(named: Sequence[str]) -> list[str]:
    """Return what a pickle names of the script that wrote it."""
    return [name.partition(":")[2] for name in named if name.startswith(f"{MAIN}:")]


@contextlib.contextmanager
def standing_for_main(named: Sequence[str], files: Sequence[Path]) -> Iterator[None]:
    """Let the module that defines what the pickle names of __main__ stand for that."""
    wanted = {name.partition(".")[0] for name in names_of_main(named)}
    modules = [imported(file) for file in files]
    if not wanted:
        yield
        return
    fitting = [module for module in modules if all(hasattr(module, name) for name in wanted)]
    if not fitting:
        absent = sorted(name for name in wanted if not any(hasattr(module, name) for module in modules))
        raise TrainingError(
            f"--code {files[0]} does not define {', '.join(absent or sorted(wanted))}, which the pickle names"
        )
    before = sys.modules[MAIN]
    sys.modules[MAIN] = fitting[0]
    try:
        yield
    finally:
        sys.modules[MAIN] = before


def imported(file: Path) -> ModuleType:
    """Return a module that was taken in; TrainingError when importing it fails."""
    try:
        return importlib.import_module(file.stem)
    except (Exception, SystemExit) as error:  # it is a user's code
        reason = f"{type(error).__name__}: {' '.join(str(error).split()):.200}"
        raise TrainingError(
            f"--code {file} cannot be imported ({reason}); it should define classes and functions and do nothing else"
        ) from None
