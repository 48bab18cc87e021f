"""Runs one command and prints, as JSON, what it took: wall seconds, user and system CPU seconds of its process tree,
and the highest memory of that tree.

CPU time is what wait4 says of the process and all that it waited for, or the sum of what was seen of each process of
the tree where that is more, since a process may leave children that it did not wait for.

Memory is resident memory, summed over the tree every 20 ms, or the high-water mark of the largest process where that
is more; pages that processes share are counted for each. This is a process of its own, kept small, because a child's
ru_maxrss begins with the memory of the process that started it: it counts only where it is more than this one's.

usage: launch.py TIMEOUT_SECONDS STDERR_FILE COMMAND…    standard output goes to /dev/null
"""
import json
import os
import resource
import select
import signal
import sys
import time

SAMPLE_MS = 20


TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_ticks(pid):
    """User and system time of one process, without its children's."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def status_kib(pid):
    """(resident, high-water) of one process; zeros when it is gone."""
    resident = high = 0
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    high = int(line.split()[1])
                elif line.startswith("VmRSS:"):
                    resident = int(line.split()[1])
                    break
    except OSError:
        pass
    return resident, high


def descendants(pid):
    found = [pid]
    for parent in found:
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{thread}/children") as file:
                    found.extend(int(child) for child in file.read().split())
        except OSError:
            continue
    return found


def sample(pid, ticks):
    """Memory of the tree in KiB; the latest CPU time of each process goes into `ticks`."""
    together = largest = 0
    for process in descendants(pid):
        resident, high = status_kib(process)
        together += resident
        largest = max(largest, high)
        ticks[process] = max(ticks.get(process, 0), cpu_ticks(process))
    return max(together, largest)


def main():
    timeout, stderr_path, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(stderr_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]}: {error.strerror}\n".encode())
            os._exit(127)
    peak_kib, timed_out, ticks = 0, False, {}
    ended = select.poll()
    ended.register(os.pidfd_open(pid), select.POLLIN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while not ended.poll(SAMPLE_MS):
            peak_kib = max(peak_kib, sample(pid, ticks))
            if not timed_out and time.monotonic() - start > timeout:
                timed_out = True
                os.killpg(pid, signal.SIGKILL)
    except KeyboardInterrupt:
        os.killpg(pid, signal.SIGKILL)
        sys.exit(130)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    own_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if peak_kib == 0 or usage.ru_maxrss > own_kib:
        peak_kib = max(peak_kib, usage.ru_maxrss)
    waited_for, seen = usage.ru_utime + usage.ru_stime, sum(ticks.values()) / TICKS_PER_SECOND
    print(json.dumps({
        "exit": os.waitstatus_to_exitcode(status),
        "timed_out": timed_out,
        "wall_seconds": wall,
        "cpu_seconds": max(waited_for, seen),
        "peak_bytes": peak_kib * 1024,
    }))


if __name__ == "__main__":
    main()
