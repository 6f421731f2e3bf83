"""An SFTP server (version 3) as a hostile machine has it: names that lead elsewhere, sizes that lie, files and
listings that never end, silence, garbage.

    python3 hostile_sftp.py MODE

The collect directory has `cback.collect` and `good`, besides what MODE adds.
"""

import os
import stat
import struct
import sys
import time

sys.dont_write_bytecode = True
import hangup  # noqa: E402, F401

MODE = sys.argv[1]
FILE = stat.S_IFREG | 0o644
TEXT = {b"cback.collect": b"", b"good": b"good"}
ENTRIES = [(b"cback.collect", FILE, 0), (b"good", FILE, 4)]

# Each alone: the first that is refused ends the listing.
NAMES = {
    "name-climbs": b"../../../escaped",
    "name-absolute": b"/tmp/cback-escaped",
    "name-below": b"dir/below",
    "name-trailing": b"good/",
    "name-nul": b"good\0.tar",
    "name-long": b"n" * 300,
    "name-empty": b"",
    "name-dots": b"..",
}

if MODE in NAMES:
    ENTRIES.append((NAMES[MODE], FILE, 4))
elif MODE == "twice":
    ENTRIES.append((b"good", FILE, 4))
elif MODE == "odd":
    for name in [
        b"new\nline",
        b"escape \x1b[2J\x1b]0;owned\x07",
        b"latin \xff",
        b"cback.stage",
        b".hidden.partial",
        b"SHA256SUMS",
        b"-rf",
        b"$(touch cback-escaped)",
    ]:
        ENTRIES.append((name, FILE, 4))
elif MODE == "kinds":
    for name, kind in [
        (b"link", stat.S_IFLNK),
        (b"device", stat.S_IFBLK),
        (b"tty", stat.S_IFCHR),
        (b"fifo", stat.S_IFIFO),
        (b"socket", stat.S_IFSOCK),
        (b"dir", stat.S_IFDIR),
        (b"setuid", stat.S_IFREG | 0o7000),
    ]:
        ENTRIES.append((name, kind | 0o777, 4))
elif MODE == "huge":
    ENTRIES.append((b"huge", FILE, (1 << 64) - 1))
    ENTRIES.append((b"huger", FILE, (1 << 64) - 1))
elif MODE == "endless":
    ENTRIES.append((b"endless", FILE, 10))
elif MODE == "nothing":
    ENTRIES.append((b"nothing", FILE, 0))
elif MODE == "negative":
    ENTRIES.append((b"negative", FILE, 1 << 63))
elif MODE == "short":
    ENTRIES.append((b"short", FILE, 1 << 20))
elif MODE == "drips":
    # A little now and then, and never silent.
    ENTRIES[0] = (b"cback.collect", FILE, 1 << 40)
elif MODE == "claims":
    # Says what it collected, in a text without an end.
    ENTRIES[0] = (b"cback.collect", FILE, 1 << 40)


def read(count):
    data = b""
    while len(data) < count:
        more = os.read(0, count - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def send(payload):
    data = struct.pack(">I", len(payload)) + payload
    while data:
        data = data[os.write(1, data):]


def text(data):
    return struct.pack(">I", len(data)) + data


def attributes(mode, size):
    return struct.pack(">IQIII", 0x1 | 0x4 | 0x8, size, mode, 1_700_000_000, 1_700_000_000)


def status(number, code):
    send(struct.pack(">BII", 101, number, code) + text(b"") + text(b""))


def found(path):
    name = path.rsplit(b"/", 1)[-1]
    for entry in ENTRIES:
        if entry[0] == name != b"cback.stage":
            return entry
    if name in (b"", b".", b"collect"):
        return (name, stat.S_IFDIR | 0o755, 0)
    return None


def content(name, offset, length):
    if MODE in ("endless", "nothing") and name == MODE.encode():
        return b"\0" * length
    if MODE == "drips" and name == b"cback.collect":
        time.sleep(0.3)
        return b"#" * length
    if MODE == "claims" and name == b"cback.collect":
        return (b"0" * 64 + b"  x\n") * (length // 68 + 1)
    if name in (b"huge", b"huger"):
        return b"\0" * length
    if name == b"short":
        return b"short"[offset:offset + length]
    return TEXT.get(name, b"evil")[offset:offset + length]


read(5 + 4)
if MODE == "garbage":
    os.write(1, os.urandom(100_000))
    sys.exit(0)
send(struct.pack(">BI", 2, 3))
listed = 0
while True:
    (size,) = struct.unpack(">I", read(4))
    packet = read(size)
    kind, number = struct.unpack(">BI", packet[:5])
    rest = packet[5:]
    (first,) = struct.unpack(">I", rest[:4]) if len(rest) >= 4 else (0,)
    name, rest = rest[4:4 + first], rest[4 + first:]
    if kind == 3:
        wanted = found(name)
        (flags,) = struct.unpack(">I", rest[:4])
        if flags & 0x2 or wanted:
            send(struct.pack(">BI", 102, number) + text(name))
        else:
            status(number, 2)
    elif kind == 5:
        offset, length = struct.unpack(">QI", rest[:12])
        if MODE == "silence" and name.endswith(b"good"):
            time.sleep(3600)
        data = content(name.rsplit(b"/", 1)[-1], offset, length)
        if data:
            send(struct.pack(">BI", 103, number) + text(data))
        else:
            status(number, 1)
    elif kind in (7, 8, 17):
        wanted = found(name)
        if wanted:
            send(struct.pack(">BI", 105, number) + attributes(*wanted[1:]))
        else:
            status(number, 2)
    elif kind == 11:
        listed = 0
        send(struct.pack(">BI", 102, number) + text(b"/"))
    elif kind == 12:
        if MODE == "many":
            batch = [(b"f%d" % (listed + i), FILE, 0) for i in range(100)]
        elif MODE == "dots":
            batch = [(b".", stat.S_IFDIR | 0o755, 0)] * 100
        else:
            batch = ENTRIES[listed:listed + 100]
        listed += len(batch)
        if not batch:
            status(number, 1)
            continue
        names = b"".join(text(n) + text(n) + attributes(m, s) for n, m, s in batch)
        send(struct.pack(">BII", 104, number, len(batch)) + names)
    elif kind == 16:
        send(struct.pack(">BII", 104, number, 1) + text(name) + text(name) + attributes(FILE, 0))
    else:
        status(number, 0)
