"""Runs a command that dies with the process that asked for it: `tied.py PARENT_ID COMMAND...`.

A program of its own, without an import of funit: what runs in a forked copy of a process that has
threads may hang, and a plain interpreter starts in 20 ms.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Becomes the command."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        import ctypes

        # The kernel keeps the wish over exec, and forgets it at the next fork: only we are killed.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it died before the kernel knew the wish
        sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
