# -*- coding: utf-8 -*-
# Writes the files beside it: `jython make.py`. Python 2.7, as Cedar Backup 2 runs with.
import datetime
import hashlib
import pickle

paths = [
    '/home/ada/plain',
    '/home/ada/caf\xc3\xa9',
    '/home/ada/it\'s "quoted"',
    '/home/ada/it\'s',
    '/home/ada/back\\slash',
    '/home/ada/new\nline',
    '/home/ada/tab\tcr\r',
    '/home/ada/latin1-\xe9',
    '/home/ada/nul-free-\x01\x7f',
]
digests = {}
for path in paths:
    digests[path] = hashlib.sha1(path).hexdigest()
for name, value in [
    ('home-ada.sha', digests),
    ('empty.sha', {}),
    ('small.svnlast', 42),
    ('long.svnlast', 42L),
    ('large.svnlast', 2 ** 40),
    ('full.mboxlast', datetime.datetime(2026, 11, 15, 2, 3, 4, 567890)),
    ('whole.mboxlast', datetime.datetime(2026, 11, 10, 10, 13, 39)),
]:
    pickle.dump(value, open(name, 'wb'), 0)
