#!/usr/bin/env python3
"""Makes a tree to measure with: the same one for the same arguments.

    tree.py DIR home FILES BYTES   a home: text, sources, databases, pictures; sizes as unequal as in life
    tree.py DIR tiny FILES         very many very small files, a thousand in a directory
"""
import os
import random
import sys

directory, kind, files = sys.argv[1], sys.argv[2], int(sys.argv[3])
chance = random.Random(20261121)
words = ["".join(chance.choices("etaoinshrdlucmfw", k=chance.randint(2, 11))) for _ in range(30000)]
words_by_use = [words[int(len(words) * chance.random() ** 3)] for _ in range(200000)]


def text(size):
    """About as compressible as prose: one third of its size."""
    return " ".join(chance.choices(words_by_use, k=size // 5 + 1)).encode()[:size].ljust(size, b"\n")


def records(size):
    """A database's file: rows that differ in a few bytes."""
    rows = bytearray()
    while len(rows) < size:
        rows += b"%012d\0\0\0\0%-40s%s\0\0\0\0" % (len(rows), chance.choice(words_by_use).encode(), chance.randbytes(12))
    return bytes(rows[:size])


def picture(size):
    """What has been compressed already."""
    return chance.randbytes(size)


if kind == "tiny":
    for number in range(files):
        if number % 1000 == 0:
            below = os.path.join(directory, "%03d" % (number // 100000), "%03d" % (number // 1000 % 100))
            os.makedirs(below)
        with open(os.path.join(below, "%06d.txt" % number), "wb") as file:
            file.write(b"message %d\n" % number * chance.randint(1, 20))
else:
    size = int(sys.argv[4])
    weights = [chance.lognormvariate(0, 1.6) for _ in range(files)]
    scale = size / sum(weights)
    for number, weight in enumerate(weights):
        make = chance.choices([text, records, picture], weights=[4, 2, 3])[0]
        below = os.path.join(directory, "%02d" % (number % 40), "%03d" % (number % 400))
        if number < 400:
            os.makedirs(below)
        with open(os.path.join(below, "%05d.%s" % (number, make.__name__)), "wb") as file:
            file.write(make(max(1, int(weight * scale))))
