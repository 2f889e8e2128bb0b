"""A service of funit from Python: the verbs of `Translator` and of the command line.

    client = Client("http://localhost:8000", key="funit_...")
    look = client.encode_class(["fox-1.png", "fox-2.png"])  # kept by the service
    client.translate("cat.png", look).save("cat-as-fox.png")

Needs `funit[serve]`, but neither PyTorch nor any other engine.
"""

from funit.client.classifications import Classifying
from funit.client.datasets import DataSets
from funit.client.jobs import Jobs
from funit.client.keys import Keys
from funit.client.models import Models
from funit.client.translations import Translations


class Client(Translations, Classifying, DataSets, Models, Jobs, Keys):
    """Everything that a service answers; every error that it answers with is a UserError."""
