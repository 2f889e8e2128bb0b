"""One web worker: `python -m funit.service.worker`, as `funit serve` starts it.

Its settings and the number of the open socket, which all workers share, come in the environment.
"""

import gc
import logging
import math
import os
import socket
import sys
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from funit.errors import UserError
from funit.service.children import follow_parent
from funit.service.logs import set_up_logs
from funit.service.settings import BACKLOG, SETTINGS, SOCKET, ServiceSettings

if TYPE_CHECKING:
    from funit.service.services import Services

log = logging.getLogger(__name__)

# A connection that is idle is kept longer than clients and proxies keep it (mostly 60 seconds): a
# request that is sent while it is closed here is lost.
_IDLE_SECONDS = 75


class _Server(uvicorn.Server):
    """Ends with 0 when it is told to stop; uvicorn's own ends as if the signal had killed it."""

    def __init__(self, config: uvicorn.Config, services: "Services") -> None:
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
    gc.disable()  # what is imported stays: to look for garbage in it is a sixth of the start
    from funit.service.services import open_services

    with open_services(settings) as services:
        services.generator.preload()  # the default model is opened while the routes are imported
        from funit.service.app import create_app

        config = uvicorn.Config(
            create_app(services),
            log_config=None,  # `set_up_logs` is ours
            access_log=False,  # so is the line for each request
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=math.ceil(settings.limits.seconds),
        )
        gc.freeze()  # nor is it looked through while requests wait
        gc.enable()
        _Server(config, services).run([socket.socket(fileno=int(os.environ[SOCKET]))])


if __name__ == "__main__":
    main()
