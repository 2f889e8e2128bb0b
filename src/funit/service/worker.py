"""One web worker: `python -m funit.service.worker`, as `funit serve` starts it.

Its settings and the number of the open socket, which all workers share, come in the environment.
"""

import logging
import math
import os
import socket
import sys
from types import FrameType

import uvicorn

from funit.errors import UserError
from funit.service.app import create_app
from funit.service.children import follow_parent
from funit.service.logs import set_up_logs
from funit.service.services import Services, open_services
from funit.service.settings import SETTINGS, ServiceSettings

log = logging.getLogger(__name__)

SOCKET = "FUNIT_SERVICE_SOCKET"
BACKLOG = 2048


class _Server(uvicorn.Server):
    """Ends with 0 when it is told to stop; uvicorn's own ends as if the signal had killed it."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self.services = services

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Lets requests under way finish, and takes no more."""
        self.services.stopping.set()
        self.should_exit = True


def main() -> None:
    """Answers requests until SIGTERM; exits with 1, and the reason in the log, where it cannot."""
    follow_parent()
    set_up_logs()
    try:
        _answer(ServiceSettings.model_validate_json(os.environ[SETTINGS]))
    except UserError as error:
        log.error("%s; hint: %s", error.message, error.hint)
        sys.exit(1)
    except Exception:
        log.exception("the worker cannot go on")
        sys.exit(1)


def _answer(settings: ServiceSettings) -> None:
    with open_services(settings) as services:
        services.generator.preload()
        config = uvicorn.Config(
            create_app(services),
            log_config=None,  # `set_up_logs` is ours
            access_log=False,  # so is the line for each request
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=math.ceil(settings.limits.seconds),
        )
        _Server(config, services).run([socket.socket(fileno=int(os.environ[SOCKET]))])


if __name__ == "__main__":
    main()
