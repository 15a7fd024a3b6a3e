"""A disk in memory that forgets, at a power loss, what was not synced.

    /usr/bin/python3 lossy-disk.py FOLDER

mounts one at FOLDER and prints "disk ready". Files behave as usual until "crash SEED" is written
to the file .chaos at its top: then every write since the file's last fsync is kept, lost, or torn
at a sector, by chance; and of the names made, moved and removed since a folder's last fsync, only
the first few stay. "settle" instead makes all there is safe. Reading .chaos tells as JSON what
the crashes took. The program ends, and the disk with it, when its stdin ends.
"""

import errno
import json
import os
import random
import stat
import sys
import threading
import time

from fusepy import FUSE, FuseOSError, Operations

CONTROL = "/.chaos"
SECTOR = 512
CAPACITY_BLOCKS = 1 << 18  # of 4 KiB


class File:
    """What a program sees, and how to take back what was not synced: (offset, before, after)."""

    def __init__(self, mode):
        self.mode = mode
        self.data = bytearray()
        self.pending = []

    def change(self, offset, after, size):
        """The bytes from offset on become `after`, and the file's length `size`."""
        grown = max(0, offset - len(self.data))
        end = len(self.data) if size < len(self.data) else offset + len(after)
        before = bytes(self.data[offset:end])
        self.pending.append((offset, before, len(self.data), bytes(after), size))
        self.data.extend(bytes(grown))
        self.data[offset : offset + len(after)] = after
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))

    def crash(self, chance, lost):
        redo = self.pending
        self.pending = []
        for offset, before, size, _, _ in reversed(redo):
            del self.data[size:]
            self.data.extend(bytes(size - len(self.data)))
            self.data[offset : offset + len(before)] = before
        for offset, _, _, after, size in redo:
            fate = chance.random()
            if fate < 0.4:
                lost["writes"] += 1
                continue
            if fate < 0.6 and len(after) > 0:
                lost["torn"] += 1
                step = SECTOR if len(after) > SECTOR else 1
                after = after[: chance.randrange(0, len(after), step)]
                size = max(len(self.data), offset + len(after))
            self.change(offset, after, size if len(after) == 0 else max(len(self.data), size))
        self.pending = []


class Folder:
    """Names as a program sees them, and the changes since its last fsync with what was before."""

    def __init__(self, mode):
        self.mode = mode
        self.names = {}
        self.pending = []

    def set(self, changes):
        """Sets or removes (None) several names at once: a crash takes all of them or none."""
        self.pending.append([(name, self.names.get(name)) for name, _ in changes])
        for name, node in changes:
            if node is None:
                self.names.pop(name, None)
            else:
                self.names[name] = node

    def crash(self, chance, lost):
        kept = chance.randint(0, len(self.pending))
        while len(self.pending) > kept:
            lost["names"] += 1
            for name, node in self.pending.pop():
                if node is None:
                    self.names.pop(name, None)
                else:
                    self.names[name] = node
        self.pending = []


class LossyDisk(Operations):
    def __init__(self):
        self.root = Folder(stat.S_IFDIR | 0o700)
        self.open_files = {}
        self.next_handle = 1
        self.lost = {"crashes": 0, "writes": 0, "torn": 0, "names": 0}

    def init(self, path):
        print("disk ready", flush=True)

    def find(self, path):
        node = self.root
        for name in [part for part in path.split("/") if part]:
            if not isinstance(node, Folder) or name not in node.names:
                raise FuseOSError(errno.ENOENT)
            node = node.names[name]
        return node

    def parent(self, path):
        folder, name = os.path.split(path)
        return self.find(folder), name

    def crash(self, seed):
        chance = random.Random(seed)
        self.lost["crashes"] += 1
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            node.crash(chance, self.lost)
            if isinstance(node, Folder):
                waiting.extend(node.names[name] for name in sorted(node.names))

    def settle(self):
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            node.pending = []
            if isinstance(node, Folder):
                waiting.extend(node.names.values())

    def getattr(self, path, fh=None):
        if path == CONTROL:
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": 4096}
        node = self.open_files[fh] if fh in self.open_files else self.find(path)
        size = len(node.data) if isinstance(node, File) else 0
        now = time.time()
        return {"st_mode": node.mode, "st_nlink": 1, "st_size": size, "st_uid": os.getuid(),
                "st_gid": os.getgid(), "st_mtime": now, "st_ctime": now, "st_atime": now}

    def readdir(self, path, fh):
        return [".", ".."] + sorted(self.find(path).names)

    def mkdir(self, path, mode):
        folder, name = self.parent(path)
        folder.set([(name, Folder(stat.S_IFDIR | mode))])

    def rmdir(self, path):
        folder, name = self.parent(path)
        if self.find(path).names:
            raise FuseOSError(errno.ENOTEMPTY)
        folder.set([(name, None)])

    def create(self, path, mode, fi=None):
        if path == CONTROL:
            return 0
        folder, name = self.parent(path)
        folder.set([(name, File(stat.S_IFREG | (mode & 0o777)))])
        return self.open(path, 0)

    def open(self, path, flags):
        if path == CONTROL:
            return 0
        handle = self.next_handle
        self.next_handle += 1
        self.open_files[handle] = self.find(path)
        return handle

    def release(self, path, fh):
        self.open_files.pop(fh, None)

    def read(self, path, size, offset, fh):
        if path == CONTROL:
            return json.dumps(self.lost).encode()[offset : offset + size]
        return bytes(self.open_files[fh].data[offset : offset + size])

    def write(self, path, data, offset, fh):
        if path == CONTROL:
            words = data.decode().split()
            if words[0] == "crash":
                self.crash(int(words[1]))
            if words[0] == "settle":
                self.settle()
            return len(data)
        file = self.open_files[fh]
        file.change(offset, data, max(len(file.data), offset + len(data)))
        return len(data)

    def truncate(self, path, length, fh=None):
        if path == CONTROL:
            return
        file = self.open_files[fh] if fh in self.open_files else self.find(path)
        file.change(min(length, len(file.data)), b"", length)

    def unlink(self, path):
        folder, name = self.parent(path)
        self.find(path)
        folder.set([(name, None)])

    def rename(self, old, new):
        node = self.find(old)
        (source, source_name), (target, target_name) = self.parent(old), self.parent(new)
        if source is target:
            source.set([(source_name, None), (target_name, node)])
        else:
            target.set([(target_name, node)])
            source.set([(source_name, None)])

    def link(self, target, source):
        # fusepy names the new path first.
        folder, name = self.parent(target)
        if name in folder.names:
            raise FuseOSError(errno.EEXIST)
        folder.set([(name, self.find(source))])

    def fsync(self, path, datasync, fh):
        if fh in self.open_files:
            self.open_files[fh].pending = []

    def fsyncdir(self, path, datasync, fh):
        self.find(path).pending = []

    def chmod(self, path, mode):
        node = self.find(path)
        node.mode = stat.S_IFMT(node.mode) | mode

    def chown(self, path, uid, gid):
        pass

    def utimens(self, path, times=None):
        pass

    def statfs(self, path):
        free = CAPACITY_BLOCKS // 2
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": CAPACITY_BLOCKS, "f_bfree": free,
                "f_bavail": free, "f_namemax": 255}


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_stdin, daemon=True).start()
    FUSE(LossyDisk(), sys.argv[1], foreground=True, nothreads=True, direct_io=True, big_writes=True,
         attr_timeout=0, entry_timeout=0, default_permissions=False)
