"""The far end of `scp -O` as a hostile machine has it: files and listings without an end, names that lead
elsewhere, directories that nobody asked for, silence.

    python3 hostile_scp.py MODE

A forced command. The collect directory has `cback.collect` and `good`; MODE says what comes after them.
"""

import os
import sys
import time

sys.dont_write_bytecode = True
import hangup  # noqa: E402, F401

MODE = sys.argv[1]
ASKED = os.environ.get("SSH_ORIGINAL_COMMAND", "")


def send(data):
    while data:
        data = data[os.write(1, data):]


def answer():
    """What the other end says; one that does not want more is still sent to."""
    first = os.read(0, 1)
    if not first:
        sys.exit(1)
    if first != b"\0":
        while os.read(0, 1) not in (b"\n", b""):
            pass


def head(name, size, kind=b"C0644"):
    send(kind + b" %d " % size + name + b"\n")
    answer()


def file(name, content):
    head(name, len(content))
    send(content + b"\0")
    answer()


def endless(name):
    head(name, 1 << 50)
    while True:
        send(b"\0" * 65536)


if " -t " in ASKED:
    # Whatever the master wants to write is taken and forgotten.
    send(b"\0" * 3)
    while os.read(0, 65536):
        pass
    sys.exit(0)
answer()
if ASKED.endswith("cback.collect"):
    if MODE == "indicator":
        endless(b"cback.collect")
    if MODE == "drips":
        head(b"cback.collect", 1 << 20)
        while True:
            send(b"#")
            time.sleep(0.2)
    file(b"cback.collect", b"")
    sys.exit(0)
file(b"cback.collect", b"")
file(b"good", b"good")
if MODE == "endless":
    endless(b"endless")
elif MODE == "many":
    number = 0
    while True:
        file(b"f%d" % number, b"")
        number += 1
elif MODE == "silence":
    head(b"silence", 10)
    time.sleep(3600)
elif MODE == "climbs":
    file(b"../escaped", b"evil")
elif MODE == "absolute":
    file(b"/tmp/cback-escaped", b"evil")
elif MODE == "directory":
    head(b"dir", 0, b"D0755")
    file(b"below", b"evil")
    send(b"E\n")
elif MODE == "setuid":
    head(b"setuid", 4, b"C6755")
    send(b"evil\0")
    answer()
elif MODE == "odd":
    file(b"escape \x1b[2J\x1b]0;owned\x07", b"evil")
elif MODE == "shouts":
    send(b"\x01" + b"\x1b]0;owned\x07" * 100_000 + b"\n")
elif MODE == "garbage":
    send(os.urandom(100_000))
