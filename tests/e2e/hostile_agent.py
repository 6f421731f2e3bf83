"""A `cback agent` as a hostile machine has it: what it says comes one byte at a time, and never ends.

    python3 hostile_agent.py MODE

MODE says which answer drips: greeting, indicator, listing, file. What comes before it is as it should be.
"""

import os
import struct
import sys
import time

sys.dont_write_bytecode = True
import hangup  # noqa: E402, F401

MODE = sys.argv[1]
GREETING = b"cback-agent 1\n"


def send(data):
    while data:
        data = data[os.write(1, data):]


def drip(start=b""):
    send(start)
    while True:
        send(b"#")
        time.sleep(0.2)


def frame(letter, payload):
    send(letter + struct.pack(">I", len(payload)) + payload)


def read(count):
    data = b""
    while len(data) < count:
        more = os.read(0, count - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def entry(name, size):
    frame(b"E", b"f" + struct.pack(">Q", size) + b"\0" * 36 + struct.pack(">I", 0o644) + name)


if MODE == "greeting":
    for byte in GREETING:
        send(bytes([byte]))
        time.sleep(0.4)
else:
    send(GREETING)
read(9)
while True:
    letter = read(1)
    (size,) = struct.unpack(">I", read(4))
    question = read(size)
    if letter == b"I":
        if MODE in ("indicator", "greeting"):
            drip(b"I" + struct.pack(">I", 1 << 20))
        frame(b"I", b"\0" + b"\0" * 36)
    elif letter == b"L":
        if MODE == "listing":
            drip(b"E" + struct.pack(">I", 1 << 20))
        entry(b"cback.collect", 0)
        entry(b"good", 1 << 18)
        frame(b".", b"")
    elif letter == b"G":
        if question.endswith(b"good"):
            drip(b"D" + struct.pack(">I", 1 << 18))
        frame(b".", b"")
    else:
        frame(b"!", b"x")
