"""Python's verdict on patterns and names: one JSON object in, one out.

Patterns are anchored as a whole, with a `$` behind them as Cedar Backup puts it there."""

import json
import re
import sys
import unicodedata
import warnings

warnings.simplefilter("ignore")


def anchored(pattern):
    """The pattern between `^(?:` and `)$`; None if Python refuses it."""
    try:
        flags = re.compile(pattern).flags
    except (re.error, OverflowError, RecursionError, ValueError):
        return None
    body = pattern
    while True:
        begin = re.match(r"(?:\(\?#[^)]*\)|[ \n])*\(\?[aiLmsux]+\)", body)
        if not begin:
            break
        body = body[begin.end():]
    end = "\n" if flags & re.VERBOSE else ""
    return re.compile("^(?:" + body + end + ")$", flags)


def verdicts(case):
    names = [bytes(name).decode("utf-8", "surrogateescape") for name in case["names"]]
    out = []
    for pattern in case["patterns"]:
        regex = anchored(pattern)
        out.append(None if regex is None else [regex.match(name) is not None for name in names])
    return out


def characters():
    """For each class the code points in it, and every code point that this Python knows."""
    known = [c for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    classes = {}
    for pattern in [r"\d", r"\w", r"\s", r"(?a)\d", r"(?a)\w", r"(?a)\s", "."]:
        regex = re.compile(pattern)
        classes[pattern] = [c for c in known if regex.match(chr(c))]
    return {"known": known, "classes": classes}


def letters():
    """Pairs of letters that have something to do with one another, and whether Python tells them apart."""
    related = {}
    for c in range(0x110000):
        for form in (chr(c).lower(), chr(c).upper(), chr(c).title(), chr(c).casefold()):
            if len(form) == 1 and form != chr(c) and unicodedata.category(form) != "Cn":
                related.setdefault(form, set()).add(chr(c))
                related.setdefault(chr(c), set()).add(form)
    pairs = []
    for letter, near in sorted(related.items()):
        further = set().union(*(related[other] for other in near)) | near | set("iI\u0130\u0131sk")
        for other in sorted(further):
            same = re.match("(?i)" + re.escape(letter), other) is not None
            within = re.match("(?i)[" + re.escape(letter) + "]", other) is not None
            assert same == within, (letter, other)
            pairs.append([letter, other, same])
    return pairs


case = json.load(sys.stdin)
json.dump({"verdicts": verdicts, "characters": lambda _: characters(), "letters": lambda _: letters()}[case["ask"]](case), sys.stdout)
