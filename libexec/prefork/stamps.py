"""What the loader's modules were read from, and whether any of it has changed since.

The directories are looked at before each file (some tenths of a millisecond); all files of modules where a directory has
changed, where a child has failed, and once a second besides, for one that was overwritten in its place.
"""

import os
import sys
import time

ALL_FILES_EVERY_S = 1.0
# What an import can find in a directory, or a search for plugins.
IMPORTABLE = (".py", ".pyc", ".so", ".pth", ".egg-link", ".dist-info", ".egg-info", ".zip", ".egg")


class Stamps:
    def __init__(self, script):
        """Of all that is loaded by now."""
        files = {script, sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")}
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and os.path.isabs(file):
                files.add(file)
        directories = {os.path.dirname(file) for file in files} | {root or "." for root in sys.path}
        self.always = [script]
        self.files = {file: stamp(file) for file in files}
        self.directories = {directory: stamp(directory) for directory in directories}
        self.listings = {directory: importable(directory) for directory in directories}
        self.looked_at = time.monotonic()

    def change(self, thorough=False):
        """The path of what is not as it was; None when all is."""
        for file in self.always:
            if stamp(file) != self.files[file]:
                return file
        moved = [directory for directory, before in self.directories.items() if stamp(directory) != before]
        now = time.monotonic()
        if moved or thorough or now - self.looked_at >= ALL_FILES_EVERY_S:
            self.looked_at = now
            for file, before in self.files.items():
                if stamp(file) != before:
                    return file
        for directory in moved:
            found = stamp(directory)
            if importable(directory) != self.listings[directory]:
                return directory
            # Something else came or went: a log, a file to load.
            self.directories[directory] = found
        return None

    def newer_than(self, moment):
        """The path of a file that was written after `moment`, which an import may have read before or after."""
        for file, found in self.files.items():
            if found is not None and found[-1] >= moment:
                return file
        return None


def stamp(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_mode, found.st_mtime_ns, found.st_ctime_ns / 1e9)


def importable(directory):
    try:
        with os.scandir(directory) as entries:
            return frozenset(
                entry.name
                for entry in entries
                if entry.name.endswith(IMPORTABLE)
                or (entry.name != "__pycache__" and entry.name.isidentifier() and entry.is_dir())
            )
    except OSError:
        return frozenset()
