"""The web worker with another page than the package's: the build that $FUNIT_TESTED_PAGE names."""

import os
from pathlib import Path

from funit.service import worker
from funit.service.routes import page

if __name__ == "__main__":
    page.STATIC = Path(os.environ["FUNIT_TESTED_PAGE"])
    worker.main()
