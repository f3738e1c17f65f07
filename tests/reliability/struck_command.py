"""One call of the command line in a forked process, struck by a signal at one of its file operations if asked to.

Run by ``commands.py``, which sets ``given``: the ``words`` of the call, the ``folder`` in which file operations count,
``strike`` (a signal and the number of the operation it comes at) or None, ``largest_file`` in bytes or None, ``log``
for what the call says, and ``count`` for the number of operations of a call that ends.
"""

import os
import resource
import signal
import sys
import traceback
from pathlib import Path

given = globals()["given"]
n_operations = 0
_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}


def _operation(event, arguments):
    """Counts what changes files, before it happens."""
    global n_operations
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    is_change = event in _CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & writes)
    if not is_change or not isinstance(arguments[0], str | os.PathLike):
        return
    if not str(Path(arguments[0]).absolute()).startswith(given["folder"]):
        return
    n_operations += 1
    if given["strike"] is not None and n_operations == given["strike"][1]:
        how = given["strike"][0]
        # Ctrl-C goes to everyone, as from a terminal.
        (os.killpg if how == signal.SIGINT else os.kill)(os.getpid(), how)


def _call():
    from yanmo.serve.cli import main

    sys.argv = ["yanmo", *given["words"]]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - what an interpreter would print is what is looked for
        traceback.print_exc()
        return 1
    return 0


# A group of its own, as a shell gives it, so that Ctrl-C can be sent to all of it.
os.setsid()
signal.signal(signal.SIGINT, signal.default_int_handler)
# Once the log is there, a strike may come.
said = os.open(given["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.dup2(said, 1)
os.dup2(said, 2)
if given["largest_file"] is not None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (given["largest_file"], given["largest_file"]))
sys.addaudithook(_operation)
code = _call()
sys.stdout.flush()
sys.stderr.flush()
Path(given["count"]).write_text(str(n_operations))
# As a process that ends, without the clean-up of the test process that multiprocessing would do.
os._exit(code)
