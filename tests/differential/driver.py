"""Runs Cedar Backup 3 for the differential test, many times in one process, and lists archives with Python's tarfile.

One request a line on standard input, one answer a line on standard output, both JSON.
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import sys
import tarfile

from CedarBackup3.cli import cli


def run(request):
    """One call of the program on the day that was asked for."""
    with open(os.environ["FAKETIME_TIMESTAMP_FILE"], "w") as file:
        file.write("@" + request["time"] + "\n")
    os.chdir(request["cwd"])
    sys.argv = ["cback3"] + request["words"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = cli()
        except SystemExit as end:
            status = end.code or 0
    # A process that ends would have done the same.
    for name in list(logging.root.manager.loggerDict) + [None]:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            handler.close()
            logger.removeHandler(handler)
    return {"status": status, "said": said.getvalue().encode("utf-8", "replace").decode()}


def members(request):
    """What is in an archive."""
    found = []
    with tarfile.open(bytes.fromhex(request["archive"]), "r:*", encoding="utf-8", errors="surrogateescape") as tar:
        for member in tar:
            body = tar.extractfile(member).read() if member.isreg() else b""
            found.append(
                {
                    "path": os.fsencode(member.name).hex(),
                    "kind": member.type.decode(),
                    "link": os.fsencode(member.linkname).hex(),
                    "mode": member.mode & 0o7777,
                    "owner": [member.uid, member.gid, member.uname, member.gname],
                    "time": int(member.mtime // 1),
                    "content": hashlib.sha1(body).hexdigest(),
                }
            )
    return {"members": found}


def main():
    """Answers until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is no answer
    for line in sys.stdin:
        request = json.loads(line)
        if "archive" in request:
            answer = members(request)
        elif "words" in request:
            answer = run(request)
        else:
            answer = {}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
