"""Ends the program that imports it when nobody is left who reads what it says, whatever it waits for: a test that was
killed leaves nothing behind.
"""

import os
import select
import threading


def watch():
    reader = select.poll()
    # A pipe without a reader is an error, a socket without one hangs up; both are told without being asked for.
    reader.register(1, 0)
    reader.poll()
    os._exit(0)


threading.Thread(target=watch, daemon=True).start()
