"""Few-shot image translation: one picture's pose in the look of a class never seen.

    >>> from funit import Translator
    >>> translator = Translator.load("default")
    >>> look = translator.encode_class(["fox-1.png", "fox-2.png"])
    >>> translator.translate("cat.png", look).save("cat-as-fox.png")

Importing `funit` imports neither torch nor anything else that takes time.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Client", "Translator", "UserError", "__version__", "evaluate", "train"]

if TYPE_CHECKING:
    from funit.client.client import Client
    from funit.errors import UserError
    from funit.evaluation.protocol import evaluate
    from funit.fine_tuning import train
    from funit.translator import Translator


def __getattr__(name: str) -> Any:
    if name == "Translator":
        from funit.translator import Translator

        return Translator
    if name == "Client":
        from funit.client.client import Client

        return Client
    if name == "train":
        from funit.fine_tuning import train

        return train
    if name == "evaluate":
        from funit.evaluation.protocol import evaluate

        return evaluate
    if name == "UserError":
        from funit.errors import UserError

        return UserError
    raise AttributeError(f"module `funit` has no attribute `{name}`")
