"""advice: what a user can do about an error that the script's surroundings may have caused."""

import sys

from pixyz_scheduler.errors import ExtraMissing

# Where the package's name is not the module's.
_PACKAGES = {
    "OCP": "cadquery-ocp",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "pxr": "usd-core",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
_A_LIBRARY = "cannot open shared object file"
_RELATIVE = "attempted relative import"
_CIRCLE = "partially initialized module"


def advice(error: BaseException) -> str:
    """To be put behind the error's own line; empty where that says all."""
    match error:
        case SyntaxError():
            return f"; the script must be valid for Python {sys.version_info.major}.{sys.version_info.minor}"
        case ModuleNotFoundError(name=str(name)) if name:
            return _of_a_missing_module(name)
        case ExtraMissing():
            return ""
        case ImportError():
            return _of_an_import(error)
    return ""


def _of_a_missing_module(name: str) -> str:
    module = name.partition(".")[0]
    if module == "pxz":
        return ": the Pixyz SDK is not on this machine; set PIXYZ_PYTHON_PATH there, or choose a queue that has it"
    if module != name and module in sys.modules:
        return f"; {module} is there, but has no {name}: another version of it may be what the script needs"
    return f"; install it where the script runs (python -m pip install {_PACKAGES.get(module, module)})"


def _of_an_import(error: ImportError) -> str:
    said = str(error)
    if _CIRCLE in said:
        return ""  # Python says it: a circular import
    if _RELATIVE in said:
        return "; a script is no package: import the file beside it by its bare name (import helper)"
    if _A_LIBRARY in said:
        return "; install the system library that has this file where the script runs"
    module = (error.name or "").partition(".")[0]
    return f"; another version of {module} may be what the script needs" if module else ""
