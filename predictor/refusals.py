"""Whose fault a ValueError is: scikit-learn's checks of its input blame the caller's values, all other code is ours."""

from types import FrameType

# Called by the checks, and raising in their stead.
HELPERS = ("numpy", "pandas", "scipy")


def is_refusal(error: ValueError) -> bool:
    """Whether scikit-learn's own checks of its input raised an error, or the compiled engine's."""
    frames: list[FrameType] = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    for frame in reversed(frames):
        module = str(frame.f_globals.get("__name__", ""))
        package = module.partition(".")[0]
        if module in {"sklearn.utils.validation", "predictor.onnx_engine"}:
            return True
        if package == "sklearn" and frame.f_code.co_name.startswith(("check_", "_check_")):
            return True
        if package != "sklearn" and package not in HELPERS:
            return False
    return False
