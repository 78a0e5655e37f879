"""Sends one message to the notification blocks that `notify` in params.yaml names, e.g. to try them out.

    python -m flows.notify "Rolled back" "champion/3: rollback to champion/1"

Blocks hold addresses and secrets, in Prefect's own database: they are made in its UI, or in Python.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from prefect.blocks.core import Block
from prefect.blocks.notifications import NotificationBlock

from flows import server
from lepton.blocks import Notify, nearest
from lepton.config import Params, load
from lepton.errors import LeptonError
from lepton.ops import notices


def send(plan: Notify, state: str, message: str, project: str) -> int:
    """To every block of the plan, if it is for this state; trouble is one warning and no failure. How many were reached."""
    reached = 0
    for slug in plan.blocks if state in plan.states else ():
        try:
            block = Block.load(slug)
            if not isinstance(block, NotificationBlock):
                raise TypeError("not a notification block")
            send_now: Any = block.notify  # typed as a coroutine, though outside of a loop it is none
            send_now(body=message, subject=f"{project}: {state}")
            reached += 1
        except Exception as error:  # noqa: BLE001  of whatever kind: how the run ended stands; its text may hold an address with a key
            why = "there is no such block" if isinstance(error, ValueError) else type(error).__name__
            print(f"warning: notify.blocks: {slug}: {why}; see Blocks in Prefect's UI, named as type/name", file=sys.stderr)
    return reached


def tell(params: Params | None, state: str, message: str, *, watched: bool = False) -> None:
    """From within a flow: keeps it in the local file, and sends it, unless somebody watches it from a terminal.

    params: None where a run ended before it knew them; then those of the folder.
    """
    notices.keep(Path.cwd(), state, message)
    if watched:
        return
    try:
        params = params or load()
    except LeptonError:  # which is what the message is about, and leaves nobody else to tell
        return
    send(params.notify, state, message, params.tracking.project)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m flows.notify", description="Sends one message to the blocks of `notify`.")
    parser.add_argument("state", help="a state that notify.states names, e.g. Failed")
    parser.add_argument("message", help="one line")
    given = parser.parse_args(arguments)
    try:
        params = load()
        if not params.notify.blocks:
            raise LeptonError("params.yaml: notify.blocks: names no block, so nobody is told. Add one: [slack-webhook/team].")
        if given.state not in params.notify.states:
            raise LeptonError(
                f"{given.state}: not in notify.states of params.yaml. {nearest(given.state, list(params.notify.states))}"
            )
        with server.temporary() as ready:
            ready()
            reached = send(params.notify, given.state, given.message, params.tracking.project)
    except LeptonError as error:
        sys.exit(f"error: {error}")
    print(f"{given.state}: told {reached} of {len(params.notify.blocks)} blocks")
    sys.exit(0 if reached == len(params.notify.blocks) else 2)


if __name__ == "__main__":
    main()
